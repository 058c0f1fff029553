package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeAPI answers each path with its JSON; what it does not have is 404, and what is empty is forbidden.
func fakeAPI(t *testing.T, objects map[string]string) *client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("no token in %s", request.URL)
		}
		address := request.URL.Path
		if selector := request.URL.Query().Get("labelSelector"); selector != "" {
			address += "?" + selector
		}
		body, known := objects[address]
		switch {
		case !known:
			answer.WriteHeader(http.StatusNotFound)
			body = `{"message": "not found"}`
		case body == "":
			answer.WriteHeader(http.StatusForbidden)
			body = `{"message": "forbidden"}`
		}
		_, _ = answer.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &client{base: server.URL, tokenFile: token, http: server.Client()}
}

func parse(t *testing.T, environment map[string]string) []dependency {
	t.Helper()
	found, err := fromEnvironment(func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	slices = "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices?kubernetes.io/service-name=db"
	jobsOf = "/apis/batch/v1/namespaces/ns/jobs"
	podsOf = "/api/v1/namespaces/ns/pods"
)

func TestMet(t *testing.T) {
	ready := `{"status": {"hostIP": "1.1.1.1", "conditions": [{"type": "Ready", "status": "True"}],
		"containerStatuses": [{"name": "a", "ready": true}, {"name": "b", "ready": false}]}}`
	elsewhere := strings.ReplaceAll(ready, "1.1.1.1", "2.2.2.2")
	kinds := `{"resources": [{"name": "foos/status", "kind": "Foo", "namespaced": true}, {"name": "foos", "kind": "Foo", "namespaced": true}]}`
	foo := `{"spec": {"n": 3}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}`
	custom := `[{"apiVersion": "x.io/v1", "kind": "Foo", "name": "f", `
	fooAPI := map[string]string{"/apis/x.io/v1": kinds, "/apis/x.io/v1/namespaces/ns/foos/f": foo}
	cases := []struct {
		name, variable, value string
		objects               map[string]string
		met                   bool
	}{
		{"service ready", "DEPENDENCY_SERVICE", "db", map[string]string{slices: `{"items": [{"endpoints": [{"addresses": ["1"], "conditions": {"ready": true}}]}]}`}, true},
		{"service condition unset", "DEPENDENCY_SERVICE", "ns:db", map[string]string{slices: `{"items": [{"endpoints": [{"addresses": ["1"]}]}]}`}, true},
		{"service not ready", "DEPENDENCY_SERVICE", "db", map[string]string{slices: `{"items": [{"endpoints": [{"addresses": ["1"], "conditions": {"ready": false}}]}]}`}, false},
		{"service without slices", "DEPENDENCY_SERVICE", "db", map[string]string{slices: `{"items": []}`}, false},
		{"slices forbidden, endpoints ready", "DEPENDENCY_SERVICE", "db", map[string]string{slices: "", "/api/v1/namespaces/ns/endpoints/db": `{"subsets": [{"addresses": [{"ip": "1"}]}]}`}, true},
		{"slices forbidden, endpoints not ready", "DEPENDENCY_SERVICE", "db", map[string]string{slices: "", "/api/v1/namespaces/ns/endpoints/db": `{"subsets": [{"notReadyAddresses": [{"ip": "1"}]}]}`}, false},
		{"job succeeded", "DEPENDENCY_JOBS", "j", map[string]string{jobsOf + "/j": `{"status": {"succeeded": 1}}`}, true},
		{"job failed", "DEPENDENCY_JOBS", "j", map[string]string{jobsOf + "/j": `{"status": {"failed": 1}}`}, false},
		{"job absent", "DEPENDENCY_JOBS", "j", nil, false},
		{"job by name in JSON", "DEPENDENCY_JOBS_JSON", `[{"name": "j", "namespace": "ns"}]`, map[string]string{jobsOf + "/j": `{"status": {"succeeded": 1}}`}, true},
		{"jobs by labels, one running", "DEPENDENCY_JOBS_JSON", `[{"labels": {"b": "2", "a": "1"}}]`, map[string]string{jobsOf + "?a=1,b=2": `{"items": [{"status": {"succeeded": 1}}, {"status": {}}]}`}, false},
		{"jobs by labels, all done", "DEPENDENCY_JOBS_JSON", `[{"labels": {"b": "2", "a": "1"}}]`, map[string]string{jobsOf + "?a=1,b=2": `{"items": [{"status": {"succeeded": 1}}]}`}, true},
		{"jobs by labels, none", "DEPENDENCY_JOBS_JSON", `[{"labels": {"a": "1"}}]`, map[string]string{jobsOf + "?a=1": `{"items": []}`}, false},
		{"pod anywhere", "DEPENDENCY_POD_JSON", `[{"labels": {"a": "1"}}]`, map[string]string{podsOf + "?a=1": `{"items": [` + elsewhere + `]}`}, true},
		{"pod on another node", "DEPENDENCY_POD_JSON", `[{"labels": {"a": "1"}, "requireSameNode": true}]`, map[string]string{podsOf + "/me": ready, podsOf + "?a=1": `{"items": [` + elsewhere + `]}`}, false},
		{"daemonset on this node", "DEPENDENCY_DAEMONSET", "d", map[string]string{"/apis/apps/v1/namespaces/ns/daemonsets/d": `{"spec": {"selector": {"matchLabels": {"a": "1"}}}}`, podsOf + "/me": ready, podsOf + "?a=1": `{"items": [` + elsewhere + "," + ready + `]}`}, true},
		{"daemonset elsewhere only", "DEPENDENCY_DAEMONSET", "d", map[string]string{"/apis/apps/v1/namespaces/ns/daemonsets/d": `{"spec": {"selector": {"matchLabels": {"a": "1"}}}}`, podsOf + "/me": ready, podsOf + "?a=1": `{"items": [` + elsewhere + `]}`}, false},
		{"container ready", "DEPENDENCY_CONTAINER", "a", map[string]string{podsOf + "/me": ready}, true},
		{"container not ready", "DEPENDENCY_CONTAINER", "b", map[string]string{podsOf + "/me": ready}, false},
		{"field equal", "DEPENDENCY_CUSTOM_RESOURCE", custom + `"fields": [{"key": "spec.n", "value": "3"}]}]`, fooAPI, true},
		{"field differs", "DEPENDENCY_CUSTOM_RESOURCE", custom + `"fields": [{"key": "spec.n", "value": "4"}]}]`, fooAPI, false},
		{"condition not true", "DEPENDENCY_CUSTOM_RESOURCE", custom + `"conditions": [{"type": "Ready"}]}]`, fooAPI, false},
		{"condition as wanted", "DEPENDENCY_CUSTOM_RESOURCE", custom + `"conditions": [{"type": "Ready", "status": "False"}]}]`, fooAPI, true},
		{"unknown kind", "DEPENDENCY_CUSTOM_RESOURCE", custom + `"fields": []}]`, map[string]string{"/apis/x.io/v1": `{"resources": []}`}, false},
		{"socket there", "DEPENDENCY_SOCKET", os.TempDir(), nil, true},
		{"socket absent", "DEPENDENCY_SOCKET", "/absent.sock", nil, false},
	}
	for _, one := range cases {
		t.Run(one.name, func(t *testing.T) {
			found := parse(t, map[string]string{"NAMESPACE": "ns", "POD_NAME": "me", one.variable: one.value})
			if len(found) != 1 {
				t.Fatalf("found %d dependencies, expected 1", len(found))
			}
			err := found[0].met(context.Background(), fakeAPI(t, one.objects))
			if (err == nil) != one.met {
				t.Fatalf("%s: expected met=%v, got %v", found[0], one.met, err)
			}
		})
	}
}

func TestEmptyVariablesAreNoDependencies(t *testing.T) {
	all := map[string]string{"DEPENDENCY_JOBS_JSON": "[]"}
	for _, name := range []string{"SERVICE", "JOBS", "DAEMONSET", "CONTAINER", "SOCKET", "POD_JSON", "CUSTOM_RESOURCE", "CONFIG"} {
		all["DEPENDENCY_"+name] = ""
	}
	if found := parse(t, all); len(found) != 0 {
		t.Fatalf("found %v", found)
	}
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	for name, value := range map[string]string{
		"DEPENDENCY_SERVICE":         "a:b:c",
		"DEPENDENCY_JOBS":            ":j",
		"DEPENDENCY_JOBS_JSON":       `[{"name": "j", "labels": {"a": "1"}}]`,
		"DEPENDENCY_POD_JSON":        `{`,
		"DEPENDENCY_CUSTOM_RESOURCE": `[{}]`,
		"DEPENDENCY_CONTAINER":       "needs POD_NAME",
		"DEPENDENCY_DAEMONSET":       "needs-pod-name",
	} {
		_, err := fromEnvironment(func(asked string) string {
			if asked == name {
				return value
			}
			return ""
		})
		if err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s=%s: expected an error that names it, got %v", name, value, err)
		}
	}
}

func TestConfigIsFilledIn(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "nova.conf", "nova.conf")
	if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, []byte("my_ip = {{ .IP }}"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(folder, "etc", "nova.conf")
	if err := (config{path: made, templates: folder, network: "lo"}).met(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(made); string(content) != "my_ip = 127.0.0.1" {
		t.Fatalf("found %q", content)
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	context, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := waitForAll(context, nil, []dependency{socket("/absent.sock")}); err == nil {
		t.Fatal("expected the context's error")
	}
}
