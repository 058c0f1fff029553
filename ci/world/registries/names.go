package main

import (
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// answerNames is DNS: for the names of the world itself, for all others by asking
// the resolver of the machine.
func answerNames(config Config, journal *journal) error {
	socket, err := net.ListenPacket("udp", config.DNS)
	if err != nil {
		return err
	}
	addresses := map[string][4]byte{}
	for _, host := range config.Hosts {
		addresses[host.Name] = [4]byte(net.ParseIP(config.Addresses[host.Group]).To4())
	}
	for {
		question := make([]byte, 4096)
		length, from, err := socket.ReadFrom(question)
		if err != nil {
			return err
		}
		go func() {
			if answer := reply(question[:length], addresses, config.Resolver, journal); answer != nil {
				socket.WriteTo(answer, from)
			}
		}()
	}
}

func reply(packet []byte, addresses map[string][4]byte, resolver string, journal *journal) []byte {
	var message dnsmessage.Message
	if message.Unpack(packet) != nil || len(message.Questions) != 1 {
		return nil
	}
	question := message.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	journal.write(Entry{Kind: "dns", Host: name, Method: strings.TrimPrefix(question.Type.String(), "Type")})
	address, ours := addresses[name]
	// These top-level names exist for tests: no question for them leaves the machine.
	if !ours && !strings.HasSuffix(name, ".test") && !strings.HasSuffix(name, ".invalid") {
		return ask(packet, resolver)
	}
	message.Response, message.RecursionAvailable, message.Additionals = true, true, nil
	if !ours {
		message.RCode = dnsmessage.RCodeNameError
	} else if question.Type == dnsmessage.TypeA {
		header := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: 60}
		message.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: address}}}
	}
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}

func ask(packet []byte, resolver string) []byte {
	socket, err := net.Dial("udp", resolver)
	if err != nil {
		return nil
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := socket.Write(packet); err != nil {
		return nil
	}
	answer := make([]byte, 4096)
	length, err := socket.Read(answer)
	if err != nil {
		return nil
	}
	return answer[:length]
}
