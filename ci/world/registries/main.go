// Command registries is the part of the internet that a user of containers
// meets: the container registries with their token services and content
// networks behind TLS, DNS for their names, and a proxy as companies have one.
//
//	registries serve CONFIG       all of it, as the JSON file CONFIG says
//	registries engine KIND FROM TO
//	                              a Docker socket FROM that passes calls on to the
//	                              socket TO, but says that it is KIND: "docker",
//	                              "podman" or "rootless"
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

// Host is one name on the network, and what answers there.
type Host struct {
	Name    string `json:"name"`
	Group   string `json:"group"`   // hosts of a group share an address and a fault
	Kind    string `json:"kind"`    // registry, token, cdn, website
	Serves  string `json:"serves"`  // registry: the images of this registry
	Realm   string `json:"realm"`   // registry: the token service; or "basic"
	Service string `json:"service"` // registry: what its token service calls it
	Blobs   string `json:"blobs"`   // registry: where it sends a client for a blob
	Token   string `json:"token"`   // registry: the path below which it gives tokens itself
	Limited bool   `json:"limited"` // registry: it counts what is pulled
	Strict  bool   `json:"strict"`  // cdn: refuses an Authorization header, as S3 does
	// Private are the beginnings of the repositories that only an account may pull.
	Private []string `json:"private"`
}

// Config says what to serve.
type Config struct {
	Certificate string            `json:"certificate"`
	Key         string            `json:"key"`
	Hosts       []Host            `json:"hosts"`
	Addresses   map[string]string `json:"addresses"` // of each group
	Accounts    map[string]string `json:"accounts"`
	Store       string            `json:"store"`
	Index       string            `json:"index"`
	Faults      string            `json:"faults"`
	Log         string            `json:"log"`
	DNS         string            `json:"dns"`
	Resolver    string            `json:"resolver"`
	Proxy       string            `json:"proxy"`
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		log.Fatal(serve(os.Args[2]))
	}
	if len(os.Args) == 5 && os.Args[1] == "engine" {
		log.Fatal(engine(os.Args[2], os.Args[3], os.Args[4]))
	}
	fmt.Fprintln(os.Stderr, "usage: registries serve CONFIG | registries engine KIND FROM TO")
	os.Exit(2)
}

func serve(file string) error {
	var config Config
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	journal, err := openJournal(config.Log)
	if err != nil {
		return err
	}
	content, err := openContent(config.Store, config.Index)
	if err != nil {
		return err
	}
	ended := make(chan error)
	go func() { ended <- answerNames(config, journal) }()
	go func() { ended <- forward(config.Proxy, journal) }()
	handler := &internet{config: config, journal: journal, content: content}
	for _, address := range config.Addresses {
		server := &http.Server{Addr: address + ":443", Handler: handler, TLSConfig: &tls.Config{}}
		go func() { ended <- server.ListenAndServeTLS(config.Certificate, config.Key) }()
	}
	return <-ended
}
