// kubernetes-entrypoint waits until what a pod depends on is there, and then ends or becomes COMMAND.
//
// It keeps the contract of the program of that name that OpenStack-Helm's charts call in their init containers
// (environment variables DEPENDENCY_*), with the standard library only, so that a static program is the whole image.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	firstPause = 250 * time.Millisecond
	// A wait may take hours (that is its purpose), so the pause grows, and stays short enough to notice at once.
	longestPause = 2 * time.Second
)

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	context, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(context); err != nil {
		log.Fatalf("kubernetes-entrypoint: %v", err)
	}
}

func run(context context.Context) error {
	dependencies, err := fromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	// Nothing to wait for needs no API, and no ServiceAccount either.
	if len(dependencies) > 0 {
		api, err := inCluster()
		if err != nil && needsAPI(dependencies) {
			return err
		}
		if err := waitForAll(context, api, dependencies); err != nil {
			return err
		}
	}
	return become(strings.Fields(os.Getenv("COMMAND")))
}

// waitForAll returns when every dependency has been met once, or the context has ended.
func waitForAll(context context.Context, api *client, dependencies []dependency) error {
	var group sync.WaitGroup
	for _, one := range dependencies {
		group.Add(1)
		go func(one dependency) {
			defer group.Done()
			wait(context, api, one)
		}(one)
	}
	group.Wait()
	return context.Err()
}

// wait logs a line whenever the state of the dependency changes, and not once a try.
func wait(context context.Context, api *client, one dependency) {
	told := ""
	pause := firstPause
	for {
		err := one.met(context, api)
		if err == nil {
			log.Printf("%s: there", one)
			return
		}
		if reason := err.Error(); reason != told && context.Err() == nil {
			log.Printf("%s: waiting: %s", one, reason)
			told = reason
		}
		select {
		case <-context.Done():
			return
		case <-time.After(pause):
		}
		pause = min(pause*3/2, longestPause)
	}
}

// become replaces this process by the command; without one it is done.
func become(command []string) error {
	if len(command) == 0 {
		return nil
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("COMMAND: %w", err)
	}
	return fmt.Errorf("COMMAND %s: %w", path, syscall.Exec(path, command, os.Environ()))
}
