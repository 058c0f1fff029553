package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
)

// dependency is one thing to wait for. met returns nil once it is there, else the reason why not, in words that stay
// the same while nothing changes.
type dependency interface {
	fmt.Stringer
	met(context.Context, *client) error
}

// needsAPI tells whether any of them is asked of the Kubernetes API.
func needsAPI(all []dependency) bool {
	for _, one := range all {
		switch one.(type) {
		case socket, config:
		default:
			return true
		}
	}
	return false
}

// service: at least one ready endpoint.
type service struct{ reference }

func (s service) String() string { return "Service " + s.namespace + "/" + s.name }

func (s service) met(context context.Context, api *client) error {
	ready, err := s.inSlices(context, api)
	if isDenied(err) {
		// A Role written before EndpointSlices existed.
		ready, err = s.inEndpoints(context, api)
	}
	if err == nil && !ready {
		err = fmt.Errorf("no ready endpoint")
	}
	return err
}

func (s service) inSlices(context context.Context, api *client) (bool, error) {
	var list struct {
		Items []struct {
			Endpoints []struct {
				Addresses  []string
				Conditions struct{ Ready *bool }
			}
		}
	}
	path := namespaced("/apis/discovery.k8s.io/v1", s.namespace, "endpointslices", "")
	err := api.get(context, path, labels{"kubernetes.io/service-name": s.name}, &list)
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			// An unset condition is to be read as ready.
			ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			if ready && len(endpoint.Addresses) > 0 {
				return true, err
			}
		}
	}
	return false, err
}

func (s service) inEndpoints(context context.Context, api *client) (bool, error) {
	var endpoints struct {
		Subsets []struct{ Addresses []struct{ IP string } }
	}
	err := api.get(context, namespaced("/api/v1", s.namespace, "endpoints", s.name), nil, &endpoints)
	for _, subset := range endpoints.Subsets {
		if len(subset.Addresses) > 0 {
			return true, err
		}
	}
	return false, err
}

// job: one by name, or all with these labels, succeeded.
type job struct {
	Name      string
	Namespace string
	Labels    labels
}

type jobObject struct {
	Metadata struct{ Name string }
	Status   struct{ Succeeded int }
}

func (j job) String() string {
	if j.Name != "" {
		return "Job " + j.Namespace + "/" + j.Name
	}
	return "Jobs " + j.Namespace + "/" + j.Labels.String()
}

func (j job) met(context context.Context, api *client) error {
	found, err := j.find(context, api)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("none found")
	}
	for _, one := range found {
		if one.Status.Succeeded == 0 {
			return fmt.Errorf("%s has not succeeded yet", one.Metadata.Name)
		}
	}
	return nil
}

func (j job) find(context context.Context, api *client) ([]jobObject, error) {
	path := namespaced("/apis/batch/v1", j.Namespace, "jobs", j.Name)
	if j.Name != "" {
		var one jobObject
		err := api.get(context, path, nil, &one)
		return []jobObject{one}, err
	}
	var list struct{ Items []jobObject }
	err := api.get(context, path, j.Labels, &list)
	return list.Items, err
}

// podReference is the pod that this program runs in.
type podReference struct{ namespace, name string }

func (p podReference) needed(variable string) error {
	if p.name == "" {
		return fmt.Errorf("%s: needs POD_NAME in the environment (downward API)", variable)
	}
	return nil
}

func (p podReference) get(context context.Context, api *client) (pod, error) {
	var self pod
	return self, api.get(context, namespaced("/api/v1", p.namespace, "pods", p.name), nil, &self)
}

type pod struct {
	Metadata struct{ Name string }
	Status   struct {
		HostIP            string
		Conditions        []condition
		ContainerStatuses []struct {
			Name  string
			Ready bool
		}
	}
}

type condition struct{ Type, Status string }

func (p pod) ready() bool {
	for _, one := range p.Status.Conditions {
		if one.Type == "Ready" {
			return one.Status == "True"
		}
	}
	return false
}

// anyReady: one of the pods with these labels is ready, on this host if there is one to be on.
func anyReady(context context.Context, api *client, namespace string, selector labels, host string) error {
	var list struct{ Items []pod }
	if err := api.get(context, namespaced("/api/v1", namespace, "pods", ""), selector, &list); err != nil {
		return err
	}
	seen := 0
	for _, one := range list.Items {
		if host != "" && one.Status.HostIP != host {
			continue
		}
		seen++
		if one.ready() {
			return nil
		}
	}
	return fmt.Errorf("%d pods, none ready", seen)
}

// podDependency: a ready pod with these labels, on the same node when that is required.
type podDependency struct {
	Namespace       string
	Labels          labels
	RequireSameNode bool
	self            podReference
}

func (p podDependency) String() string { return "Pod " + p.Namespace + "/" + p.Labels.String() }

func (p podDependency) met(context context.Context, api *client) error {
	host := ""
	if p.RequireSameNode {
		self, err := p.self.get(context, api)
		if err != nil {
			return err
		}
		host = self.Status.HostIP
	}
	return anyReady(context, api, p.Namespace, p.Labels, host)
}

// daemonSet: its pod on this pod's node is ready.
type daemonSet struct {
	reference
	self podReference
}

func (d daemonSet) String() string { return "DaemonSet " + d.namespace + "/" + d.name }

func (d daemonSet) met(context context.Context, api *client) error {
	var set struct {
		Spec struct{ Selector struct{ MatchLabels labels } }
	}
	if err := api.get(context, namespaced("/apis/apps/v1", d.namespace, "daemonsets", d.name), nil, &set); err != nil {
		return err
	}
	self, err := d.self.get(context, api)
	if err != nil {
		return err
	}
	return anyReady(context, api, d.namespace, set.Spec.Selector.MatchLabels, self.Status.HostIP)
}

// container: another container of this pod is ready.
type container struct {
	name string
	self podReference
}

func (c container) String() string { return "Container " + c.name }

func (c container) met(context context.Context, api *client) error {
	self, err := c.self.get(context, api)
	if err != nil {
		return err
	}
	for _, one := range self.Status.ContainerStatuses {
		if one.Name == c.name && one.Ready {
			return nil
		}
	}
	return fmt.Errorf("not ready")
}

// customResource: fields have these values, and conditions these states.
type customResource struct {
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
	Fields     []struct{ Key, Value string }
	Conditions []condition
}

func (c customResource) String() string { return c.Kind + " " + c.Namespace + "/" + c.Name }

func (c customResource) met(context context.Context, api *client) error {
	path, err := c.path(context, api)
	if err != nil {
		return err
	}
	var object map[string]any
	if err := api.get(context, path, nil, &object); err != nil {
		return err
	}
	for _, field := range c.Fields {
		if found := lookUp(object, strings.Split(field.Key, ".")); fmt.Sprint(found) != field.Value {
			return fmt.Errorf("%s: expected %s, found %v", field.Key, field.Value, found)
		}
	}
	for _, wanted := range c.Conditions {
		if wanted.Status == "" {
			wanted.Status = "True"
		}
		if found := conditionOf(object, wanted.Type); found != wanted.Status {
			return fmt.Errorf("condition %s: expected %s, found %q", wanted.Type, wanted.Status, found)
		}
	}
	return nil
}

// path asks the API how the kind's objects are called, and whether they live in a namespace.
func (c customResource) path(context context.Context, api *client) (string, error) {
	group := "/apis/" + c.APIVersion
	if !strings.Contains(c.APIVersion, "/") {
		group = "/api/" + c.APIVersion
	}
	var list struct {
		Resources []struct {
			Name, Kind string
			Namespaced bool
		}
	}
	if err := api.get(context, group, nil, &list); err != nil {
		return "", err
	}
	for _, one := range list.Resources {
		if one.Kind != c.Kind || strings.Contains(one.Name, "/") {
			continue
		}
		if one.Namespaced {
			return namespaced(group, c.Namespace, one.Name, c.Name), nil
		}
		return group + "/" + one.Name + "/" + c.Name, nil
	}
	return "", fmt.Errorf("the API does not know %s %s", c.APIVersion, c.Kind)
}

func lookUp(object any, keys []string) any {
	for _, key := range keys {
		inner, ok := object.(map[string]any)
		if !ok {
			return nil
		}
		object = inner[key]
	}
	return object
}

func conditionOf(object map[string]any, kind string) string {
	all, _ := lookUp(object, []string{"status", "conditions"}).([]any)
	for _, one := range all {
		if lookUp(one, []string{"type"}) == kind {
			return fmt.Sprint(lookUp(one, []string{"status"}))
		}
	}
	return ""
}

// socket: a path that exists and that this process may read.
type socket string

func (s socket) String() string { return "Socket " + string(s) }

func (s socket) met(context.Context, *client) error {
	const read = 4
	return syscall.Access(string(s), read)
}

// config: a file made from <templates>/<file>/<file>, with the host's name and address filled in.
type config struct{ path, templates, network string }

func (c config) String() string { return "Config " + c.path }

func (c config) met(context.Context, *client) error {
	name := filepath.Base(c.path)
	source, err := template.ParseFiles(filepath.Join(c.templates, name, name))
	if err != nil {
		return err
	}
	address, err := addressOf(c.network)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(c.path)
	if err != nil {
		return err
	}
	values := map[string]string{"HOSTNAME": host, "IP": address, "IP_ERLANG": strings.ReplaceAll(address, ".", ",")}
	if err := source.Execute(file, values); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// addressOf is the first IPv4 address of a network interface, else its first address.
func addressOf(network string) (string, error) {
	device, err := net.InterfaceByName(network)
	if err != nil {
		return "", err
	}
	all, err := device.Addrs()
	if err != nil {
		return "", err
	}
	first := ""
	for _, one := range all {
		address, _, err := net.ParseCIDR(one.String())
		if err != nil {
			continue
		}
		if address.To4() != nil {
			return address.String(), nil
		}
		if first == "" {
			first = address.String()
		}
	}
	if first == "" {
		return "", fmt.Errorf("interface %s has no address", network)
	}
	return first, nil
}
