// Command crictl asks the node's container runtime what it runs: the calls of
// cri-tools' crictl that the suite makes, with its options and its output.
// cri-tools itself is no module that Go could install.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	endpointDefault = "unix:///run/containerd/containerd.sock"
	deadline        = 10 * time.Second
	// As crictl has it: a node's list may exceed the 4 MiB of gRPC.
	largest = 16 << 20
	usage   = `usage: crictl [--runtime-endpoint URL] pods [--namespace REGEXP] -o json
       crictl [--runtime-endpoint URL] ps [--all] -o json
       crictl [--runtime-endpoint URL] inspect [-o json] ID`
)

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "crictl: %v\n", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	global := options("crictl")
	endpoint := global.String("runtime-endpoint", endpointDefault, "")
	if err := global.Parse(arguments); err != nil {
		return err
	}
	if global.NArg() == 0 {
		return errors.New(usage)
	}
	own := options(global.Arg(0))
	output := own.String("output", "", "")
	own.StringVar(output, "o", "", "")

	var ask func(context.Context, cri.RuntimeServiceClient) (any, error)
	operands := 0
	switch own.Name() {
	case "pods":
		namespace := own.String("namespace", "", "")
		ask = func(ctx context.Context, client cri.RuntimeServiceClient) (any, error) {
			return pods(ctx, client, *namespace)
		}
	case "ps":
		all := own.Bool("all", false, "")
		own.BoolVar(all, "a", false, "")
		ask = func(ctx context.Context, client cri.RuntimeServiceClient) (any, error) {
			return containers(ctx, client, *all)
		}
	case "inspect":
		operands = 1
		*output = "json" // crictl's default here; a table elsewhere
		ask = func(ctx context.Context, client cri.RuntimeServiceClient) (any, error) {
			return container(ctx, client, own.Arg(0))
		}
	default:
		return fmt.Errorf("there is no %q\n%s", own.Name(), usage)
	}
	if err := own.Parse(global.Args()[1:]); err != nil {
		return err
	}
	if own.NArg() != operands || *output != "json" {
		return errors.New(usage)
	}

	answer, err := call(*endpoint, ask)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", own.Name(), *endpoint, err)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

func options(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	return set
}

func call(endpoint string, ask func(context.Context, cri.RuntimeServiceClient) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	connection, err := grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largest)))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return ask(ctx, cri.NewRuntimeServiceClient(connection))
}

func pods(ctx context.Context, client cri.RuntimeServiceClient, namespace string) (any, error) {
	wanted, err := regexp.Compile(namespace)
	if err != nil {
		return nil, err
	}
	answer, err := client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return nil, err
	}
	answer.Items = slices.DeleteFunc(answer.Items, func(pod *cri.PodSandbox) bool {
		return !wanted.MatchString(pod.GetMetadata().GetNamespace())
	})
	slices.SortStableFunc(answer.Items, func(a, b *cri.PodSandbox) int { return cmp.Compare(b.CreatedAt, a.CreatedAt) })
	return message(answer)
}

func containers(ctx context.Context, client cri.RuntimeServiceClient, all bool) (any, error) {
	request := &cri.ListContainersRequest{}
	if !all {
		running := &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
		request.Filter = &cri.ContainerFilter{State: running}
	}
	answer, err := client.ListContainers(ctx, request)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(answer.Containers, func(a, b *cri.Container) int { return cmp.Compare(b.CreatedAt, a.CreatedAt) })
	return message(answer)
}

func container(ctx context.Context, client cri.RuntimeServiceClient, id string) (any, error) {
	answer, err := client.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id, Verbose: true})
	if err != nil {
		return nil, err
	}
	status, err := message(answer.GetStatus())
	if err != nil {
		return nil, err
	}
	setTimes(status, answer.GetStatus())
	merged := map[string]any{"status": status}
	for key, text := range answer.GetInfo() {
		// The runtime's own words: mostly JSON, by no promise.
		if !strings.HasPrefix(text, "{") {
			merged[key] = strings.Trim(text, `"`)
			continue
		}
		value, err := object([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("info %q: %w", key, err)
		}
		merged[key] = value
	}
	return merged, nil
}

// setTimes writes the times as crictl does here, and only here: for people.
func setTimes(target map[string]any, status *cri.ContainerStatus) {
	created := time.Unix(0, status.GetCreatedAt())
	var started, finished time.Time
	if status.GetState() != cri.ContainerState_CONTAINER_CREATED {
		started = time.Unix(0, status.GetStartedAt())
	}
	if status.GetFinishedAt() > 0 {
		finished = time.Unix(0, status.GetFinishedAt())
	}
	for key, value := range map[string]time.Time{"createdAt": created, "startedAt": started, "finishedAt": finished} {
		target[key] = value.Format(time.RFC3339Nano)
	}
}

// message is the JSON of a message with defaults spelled out. protojson varies
// its white space on purpose, so that what is printed is made from the values.
func message(from proto.Message) (map[string]any, error) {
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(from)
	if err != nil {
		return nil, err
	}
	return object(text)
}

func object(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber() // limits are 64-bit numbers; a float would round them
	var value map[string]any
	err := decoder.Decode(&value)
	return value, err
}
