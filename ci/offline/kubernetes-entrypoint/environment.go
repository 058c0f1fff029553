package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// fromEnvironment reads every DEPENDENCY_* variable. What cannot be understood is an error: ignoring it would start a
// service before what it needs.
func fromEnvironment(get func(string) string) ([]dependency, error) {
	own := get("NAMESPACE")
	if own == "" {
		own = "default"
	}
	pod := podReference{namespace: own, name: get("POD_NAME")}
	var all []dependency
	readers := []func() ([]dependency, error){
		func() ([]dependency, error) { return services(get, own) },
		func() ([]dependency, error) { return jobs(get, own) },
		func() ([]dependency, error) { return daemonSets(get, own, pod) },
		func() ([]dependency, error) { return pods(get, own, pod) },
		func() ([]dependency, error) { return containers(get, pod) },
		func() ([]dependency, error) { return customResources(get, own) },
		func() ([]dependency, error) { return sockets(get), nil },
		func() ([]dependency, error) { return configs(get), nil },
	}
	for _, read := range readers {
		found, err := read()
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// items splits a list at its commas and leaves out empty ones.
func items(text string) []string {
	var found []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			found = append(found, item)
		}
	}
	return found
}

type reference struct{ namespace, name string }

// references reads "namespace:name,name"; a name alone is in the pod's own namespace.
func references(variable, text, own string) ([]reference, error) {
	var found []reference
	for _, item := range items(text) {
		parts := strings.Split(item, ":")
		switch {
		case len(parts) == 1:
			found = append(found, reference{own, item})
		case len(parts) == 2 && parts[0] != "" && parts[1] != "":
			found = append(found, reference{parts[0], parts[1]})
		default:
			return nil, fmt.Errorf("%s: %q: expected name or namespace:name", variable, item)
		}
	}
	return found, nil
}

// decode reads a variable that holds JSON; an empty one leaves the target as it is.
func decode(variable, text string, target any) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), target); err != nil {
		return fmt.Errorf("%s: %q: %w", variable, text, err)
	}
	return nil
}

func orOwn(namespace, own string) string {
	if namespace == "" {
		return own
	}
	return namespace
}

func services(get func(string) string, own string) ([]dependency, error) {
	found, err := references("DEPENDENCY_SERVICE", get("DEPENDENCY_SERVICE"), own)
	var all []dependency
	for _, one := range found {
		all = append(all, service{one})
	}
	return all, err
}

// jobs: DEPENDENCY_JOBS_JSON, when it is given, takes the place of DEPENDENCY_JOBS.
func jobs(get func(string) string, own string) ([]dependency, error) {
	var all []dependency
	if text := get("DEPENDENCY_JOBS_JSON"); text != "" {
		var found []job
		if err := decode("DEPENDENCY_JOBS_JSON", text, &found); err != nil {
			return nil, err
		}
		for _, one := range found {
			if (one.Name == "") == (len(one.Labels) == 0) {
				return nil, fmt.Errorf("DEPENDENCY_JOBS_JSON: %q: each needs a name or labels, and not both", text)
			}
			one.Namespace = orOwn(one.Namespace, own)
			all = append(all, one)
		}
		return all, nil
	}
	found, err := references("DEPENDENCY_JOBS", get("DEPENDENCY_JOBS"), own)
	for _, one := range found {
		all = append(all, job{Namespace: one.namespace, Name: one.name})
	}
	return all, err
}

func daemonSets(get func(string) string, own string, pod podReference) ([]dependency, error) {
	found, err := references("DEPENDENCY_DAEMONSET", get("DEPENDENCY_DAEMONSET"), own)
	if err == nil && len(found) > 0 {
		err = pod.needed("DEPENDENCY_DAEMONSET")
	}
	var all []dependency
	for _, one := range found {
		all = append(all, daemonSet{one, pod})
	}
	return all, err
}

func pods(get func(string) string, own string, pod podReference) ([]dependency, error) {
	var found []podDependency
	if err := decode("DEPENDENCY_POD_JSON", get("DEPENDENCY_POD_JSON"), &found); err != nil {
		return nil, err
	}
	var all []dependency
	for _, one := range found {
		if one.RequireSameNode {
			if err := pod.needed("DEPENDENCY_POD_JSON"); err != nil {
				return nil, err
			}
		}
		one.Namespace = orOwn(one.Namespace, own)
		one.self = pod
		all = append(all, one)
	}
	return all, nil
}

func containers(get func(string) string, pod podReference) ([]dependency, error) {
	var all []dependency
	for _, name := range items(get("DEPENDENCY_CONTAINER")) {
		if err := pod.needed("DEPENDENCY_CONTAINER"); err != nil {
			return nil, err
		}
		all = append(all, container{name, pod})
	}
	return all, nil
}

func customResources(get func(string) string, own string) ([]dependency, error) {
	var found []customResource
	if err := decode("DEPENDENCY_CUSTOM_RESOURCE", get("DEPENDENCY_CUSTOM_RESOURCE"), &found); err != nil {
		return nil, err
	}
	var all []dependency
	for _, one := range found {
		if one.APIVersion == "" || one.Kind == "" || one.Name == "" {
			return nil, fmt.Errorf("DEPENDENCY_CUSTOM_RESOURCE: each needs apiVersion, kind and name")
		}
		one.Namespace = orOwn(one.Namespace, own)
		all = append(all, one)
	}
	return all, nil
}

func sockets(get func(string) string) []dependency {
	var all []dependency
	for _, path := range items(get("DEPENDENCY_SOCKET")) {
		all = append(all, socket(path))
	}
	return all
}

func configs(get func(string) string) []dependency {
	network := get("INTERFACE_NAME")
	if network == "" {
		network = "eth0"
	}
	var all []dependency
	for _, path := range items(get("DEPENDENCY_CONFIG")) {
		all = append(all, config{path: path, templates: "/configmaps", network: network})
	}
	return all
}
