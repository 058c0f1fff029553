package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
	"time"
)

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// client reads objects from the Kubernetes API as the pod's ServiceAccount.
type client struct {
	base      string
	tokenFile string
	http      *http.Client
}

// inCluster is the API that every pod is told of.
func inCluster() (*client, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, fmt.Errorf("KUBERNETES_SERVICE_HOST and _PORT are not set: this does not run in a pod")
	}
	certificate, err := os.ReadFile(serviceAccount + "/ca.crt")
	if err != nil {
		return nil, fmt.Errorf("the pod has no ServiceAccount token mounted: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		return nil, fmt.Errorf("%s/ca.crt holds no certificate", serviceAccount)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return &client{
		base:      "https://" + net.JoinHostPort(host, port),
		tokenFile: serviceAccount + "/token",
		http:      &http.Client{Transport: transport, Timeout: 10 * time.Second},
	}, nil
}

// refused is an answer of the API that is not the object asked for.
type refused struct {
	status  int
	message string
}

func (r refused) Error() string { return r.message }

// isDenied tells whether the API knows no such kind of object, or does not let this ServiceAccount read it.
func isDenied(err error) bool {
	var answer refused
	return errors.As(err, &answer) && (answer.status == http.StatusForbidden || answer.status == http.StatusNotFound)
}

// get decodes what the API has at a path, with a selector where there is one.
func (c *client) get(context context.Context, path string, selector labels, target any) error {
	address := c.base + path
	if len(selector) > 0 {
		address += "?" + url.Values{"labelSelector": {selector.String()}}.Encode()
	}
	request, err := http.NewRequestWithContext(context, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// Read each time: the kubelet replaces it before it expires.
	token, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return refusal(answer)
	}
	return json.NewDecoder(answer.Body).Decode(target)
}

func refusal(answer *http.Response) error {
	var status struct{ Message string }
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if json.Unmarshal(body, &status) != nil || status.Message == "" {
		status.Message = answer.Status
	}
	return refused{answer.StatusCode, status.Message}
}

// namespaced is the path of a kind's objects in a namespace, or of the one with this name.
func namespaced(group, namespace, kind, name string) string {
	path := group + "/namespaces/" + url.PathEscape(namespace) + "/" + kind
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

type labels map[string]string

// String is the selector that matches all of them, in one order.
func (l labels) String() string {
	var all []string
	for key, value := range l {
		all = append(all, key+"="+value)
	}
	sort.Strings(all)
	return strings.Join(all, ",")
}
