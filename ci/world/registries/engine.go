package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// engine passes a Docker socket on, but for what it says about itself.
func engine(kind, from, to string) error {
	if changes[kind] == nil {
		return fmt.Errorf("engine %q: expected docker, podman or rootless", kind)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "docker"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", to)
	}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if kind == "podman" {
			r.Header.Set("Libpod-Api-Version", "4.3.1")
			r.Header.Set("Server", "Libpod/4.3.1 (linux)")
		}
		change := changes[kind][r.Request.URL.Path[strings.LastIndex(r.Request.URL.Path, "/")+1:]]
		if change == nil {
			return nil
		}
		return rewrite(r, change)
	}
	os.Remove(from)
	socket, err := net.Listen("unix", from)
	if err != nil {
		return err
	}
	if err := os.Chmod(from, 0o666); err != nil {
		return err
	}
	return http.Serve(socket, proxy)
}

type document = map[string]any

// changes are what each kind of engine answers in another way than Docker.
var changes = map[string]map[string]func(document){
	"docker": {},
	"podman": {
		"version": func(d document) {
			d["Version"], d["Platform"] = "4.3.1", document{"Name": "linux/amd64/debian-12"}
			d["Components"] = []any{
				document{"Name": "Podman Engine", "Version": "4.3.1", "Details": document{"APIVersion": "4.3.1"}},
				document{"Name": "Conmon", "Version": "conmon version 2.1.6"},
				document{"Name": "OCI Runtime (crun)", "Version": "crun version 1.8.1"},
			}
		},
		"info": func(d document) {
			d["ServerVersion"], d["ProductLicense"] = "4.3.1", "Apache-2.0"
			d["SecurityOptions"] = []any{"name=seccomp,profile=default", "name=rootless"}
			d["DockerRootDir"] = "/home/plainuser/.local/share/containers/storage"
			d["InitBinary"], d["DefaultRuntime"] = "", "crun"
			delete(d, "IndexServerAddress")
		},
	},
	"rootless": {
		"info": func(d document) {
			d["SecurityOptions"] = []any{"name=seccomp,profile=default", "name=rootless"}
			d["CgroupVersion"], d["CgroupDriver"] = "1", "none"
			d["DockerRootDir"] = "/home/plainuser/.local/share/docker"
		},
	},
}

func rewrite(r *http.Response, change func(document)) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body.Close()
	content := document{}
	if json.Unmarshal(text, &content) == nil {
		change(content)
		if text, err = json.Marshal(content); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	r.ContentLength = int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}
