package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

const pullLimit = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"

// internet answers for every host.
type internet struct {
	config  Config
	journal *journal
	content *content
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (i *internet) ServeHTTP(plain http.ResponseWriter, r *http.Request) {
	w := &recorder{ResponseWriter: plain, status: 200}
	name := strings.ToLower(strings.Split(r.Host, ":")[0])
	scheme, client := authorization(r), clientOf(r)
	if host, ok := i.host(name); ok {
		i.answer(w, r, host)
	} else {
		http.Error(w, "no such host", 404)
	}
	if r.PostForm.Get("password") != "" {
		scheme = "form"
	}
	i.journal.write(Entry{
		Kind: "http", Host: name, Method: r.Method, Path: r.URL.Path,
		Scope: strings.Join(append(r.URL.Query()["scope"], r.PostForm["scope"]...), " "), Status: w.status, Auth: scheme,
		Challenge: w.Header().Get("Www-Authenticate"), Agent: r.UserAgent(), Client: client,
	})
}

func (i *internet) host(name string) (Host, bool) {
	at := slices.IndexFunc(i.config.Hosts, func(h Host) bool { return h.Name == name })
	if at < 0 {
		return Host{}, false
	}
	return i.config.Hosts[at], true
}

// faulty says whether a fault was switched on for a group: a word such as
// "hub-429" in the file of faults, which is read for each request.
func (i *internet) faulty(group, fault string) bool {
	text, _ := os.ReadFile(i.config.Faults)
	return slices.Contains(strings.Fields(string(text)), group+"-"+fault)
}

func (i *internet) answer(w http.ResponseWriter, r *http.Request, host Host) {
	switch {
	case i.faulty(host.Group, "html"):
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><html><body>Please accept the terms of this network.</body></html>\n")
	case i.faulty(host.Group, "503"):
		refuse(w, 503, "UNAVAILABLE", "the service is away for maintenance")
	case host.Kind == "website":
		http.Redirect(w, r, "https://www."+host.Name+"/", http.StatusMovedPermanently)
	case host.Kind == "token":
		i.giveToken(w, r, host)
	case host.Kind == "cdn":
		i.serveSigned(w, r, host)
	case host.Token != "" && strings.HasPrefix(r.URL.Path, host.Token):
		i.giveToken(w, r, host)
	case host.Kind == "registry":
		i.serveRegistry(w, r, host)
	}
}

func (i *internet) serveSigned(w http.ResponseWriter, r *http.Request, host Host) {
	if r.URL.Query().Get("signature") == "" {
		http.Error(w, "AccessDenied", 403)
		return
	}
	if host.Strict && r.Header.Get("Authorization") != "" {
		http.Error(w, "InvalidArgument: Only one auth mechanism allowed", 400)
		return
	}
	i.content.serveBlob(w, r, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
}

func (i *internet) serveRegistry(w http.ResponseWriter, r *http.Request, host Host) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, 405, "UNSUPPORTED", "the operation is unsupported")
		return
	}
	name, kind, last := split(r.URL.Path)
	if !i.admitted(w, r, host, name) {
		return
	}
	switch kind {
	case "":
		fmt.Fprint(w, "{}")
	case "blobs":
		if host.Blobs != "" {
			http.Redirect(w, r, host.Blobs+r.URL.Path+"?signature=given", http.StatusTemporaryRedirect)
			return
		}
		i.content.serveBlob(w, r, last)
	case "manifests":
		i.serveManifest(w, r, host, name, last)
	default:
		refuse(w, 404, "NOT_FOUND", "not found")
	}
}

func (i *internet) serveManifest(w http.ResponseWriter, r *http.Request, host Host, name, reference string) {
	limited := i.faulty(host.Group, "429")
	if host.Limited {
		w.Header().Set("ratelimit-limit", "100;w=21600")
		w.Header().Set("ratelimit-remaining", map[bool]string{true: "0;w=21600", false: "76;w=21600"}[limited])
	}
	if limited && r.Method == http.MethodGet {
		refuse(w, 429, "TOOMANYREQUESTS", pullLimit)
		return
	}
	if i.faulty(host.Group, "gone-digest") && strings.HasPrefix(reference, "sha256:") {
		refuse(w, 404, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	i.content.serveManifest(w, r, host, name, reference, i.faulty(host.Group, "other-arch"))
}

// split cuts /v2/NAME/KIND/LAST into its parts.
func split(path string) (name, kind, last string) {
	words := strings.Split(strings.Trim(strings.TrimPrefix(path, "/v2"), "/"), "/")
	if len(words) < 3 {
		return "", map[bool]string{true: "", false: "unknown"}[words[0] == ""], ""
	}
	return strings.Join(words[:len(words)-2], "/"), words[len(words)-2], words[len(words)-1]
}

func authorization(r *http.Request) string {
	words := strings.Fields(r.Header.Get("Authorization"))
	if len(words) == 0 {
		return "none"
	}
	return words[0]
}

func clientOf(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return address
}
