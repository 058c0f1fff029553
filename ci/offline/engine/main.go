// Command runc is the engine's default OCI runtime: the machine's runc, told to
// grant only capabilities that this machine can grant.
//
// "--privileged" asks for every capability that the kernel knows. Where the
// bounding set lacks one (many virtual machines and CI runners), runc refuses
// to start such a container at all; kind's nodes are such containers.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// names are the capabilities by number, as <linux/capability.h> has them.
var names = strings.Fields(`
	CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL
	CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE
	CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER
	CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT
	CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME
	CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL
	CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM
	CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE`)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "runc (capability filter): %v\n", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	missing, err := missingCapabilities()
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		if err := filter(arguments, missing); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	return syscall.Exec(runc, append([]string{"runc"}, arguments...), os.Environ())
}

// filter rewrites the file that says what the new process may do: of a new
// container its bundle's config.json, of an exec the --process file.
func filter(arguments []string, missing map[string]bool) error {
	for i, argument := range arguments {
		switch argument {
		case "create", "run":
			bundle := option(arguments[i:], "--bundle", "-b")
			return edit(filepath.Join(bundle, "config.json"), func(spec map[string]any) {
				if process, ok := spec["process"].(map[string]any); ok {
					withhold(process, missing)
				}
			})
		case "exec":
			file := option(arguments[i:], "--process", "-p")
			if file == "" {
				return nil
			}
			return edit(file, func(process map[string]any) { withhold(process, missing) })
		}
	}
	return nil
}

func option(arguments []string, long, short string) string {
	for i, argument := range arguments {
		if value, found := strings.CutPrefix(argument, long+"="); found {
			return value
		}
		if (argument == long || argument == short) && i+1 < len(arguments) {
			return arguments[i+1]
		}
	}
	return ""
}

func edit(path string, change func(map[string]any)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber() // limits are 64-bit numbers; a float would round them
	document := map[string]any{}
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	change(document)
	if text, err = json.Marshal(document); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func withhold(process map[string]any, missing map[string]bool) {
	sets, _ := process["capabilities"].(map[string]any)
	for set, value := range sets {
		wanted, _ := value.([]any)
		granted := []any{}
		for _, name := range wanted {
			if text, ok := name.(string); !ok || !missing[text] {
				granted = append(granted, name)
			}
		}
		sets[set] = granted
	}
}

func missingCapabilities() (map[string]bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		value, found := strings.CutPrefix(line, "CapBnd:")
		if !found {
			continue
		}
		bounding, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return nil, err
		}
		missing := map[string]bool{}
		for number, name := range names {
			if bounding&(1<<number) == 0 {
				missing[name] = true
			}
		}
		return missing, nil
	}
	return nil, fmt.Errorf("/proc/self/status: no CapBnd line")
}
