package main

import (
	"io"
	"net"
	"net/http"
	"time"
)

// forward is a proxy as companies have one: it connects to hosts by CONNECT, and
// passes on nothing else.
func forward(address string, journal *journal) error {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 200
		if r.Method != http.MethodConnect {
			status = 503
			http.Error(w, "proxy: cannot resolve host "+r.Host, status)
		} else if err := connect(w, r.Host); err != nil {
			status = 502
			http.Error(w, "proxy: "+err.Error(), status)
		}
		journal.write(Entry{Kind: "proxy", Host: r.Host, Method: r.Method, Path: r.URL.Path, Status: status, Agent: r.UserAgent(), Client: clientOf(r)})
	})
	return (&http.Server{Addr: address, Handler: handler}).ListenAndServe()
}

func connect(w http.ResponseWriter, target string) error {
	there, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		return err
	}
	defer there.Close()
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return err
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return nil
	}
	done := make(chan struct{}, 2)
	pump := func(to, from net.Conn) {
		io.Copy(to, from)
		if half, ok := to.(*net.TCPConn); ok {
			half.CloseWrite()
		}
		done <- struct{}{}
	}
	go pump(there, here)
	go pump(here, there)
	<-done
	<-done
	return nil
}
