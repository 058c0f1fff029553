package main

import (
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"
)

// Entry is one line of the journal: a request, a question for a name, or a
// connection through the proxy.
type Entry struct {
	Time      string `json:"time"`
	Kind      string `json:"kind"` // http, dns, proxy
	Host      string `json:"host"`
	Method    string `json:"method,omitempty"`
	Path      string `json:"path,omitempty"`
	Scope     string `json:"scope,omitempty"`
	Status    int    `json:"status,omitempty"`
	Auth      string `json:"auth,omitempty"`      // none, Basic, Bearer, form
	Challenge string `json:"challenge,omitempty"` // what the host asked for
	Agent     string `json:"agent,omitempty"`
	Client    string `json:"client,omitempty"`
}

type journal struct {
	mutex sync.Mutex
	file  *os.File
}

func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &journal{file: file}, err
}

func (j *journal) write(entry Entry) {
	entry.Time = time.Now().UTC().Format(time.RFC3339Nano)
	line, err := json.Marshal(entry)
	if err != nil {
		log.Print(err)
		return
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		log.Print(err)
	}
}
