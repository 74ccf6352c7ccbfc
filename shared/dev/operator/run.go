package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/dev/emulator"
)

//go:embed assistants/*.json
var demoAssistants embed.FS

// documentAssistant is the assistant of the API document's examples. On this machine the hyperscale route calls with it.
const documentAssistant = "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a"

// run starts the local stack, and stops it on an interrupt or SIGTERM.
func (p *program) run(ctx context.Context) error {
	port, err := p.intFromEnv("PORT", 3000)
	if err != nil {
		return err
	}
	concurrency, err := p.intFromEnv("LOCAL_CONCURRENCY", 64)
	if err != nil {
		return err
	}
	return emulator.Run(ctx, emulator.Options{Root: ".", Data: p.dataFolder(), Port: port, BasePath: p.env("BASE_PATH"), Concurrency: concurrency, Out: p.out,
		Environ: append([]string{"HYPERSCALE_ASSISTANT_ID=" + documentAssistant}, os.Environ()...), Seed: p.seedAssistants})
}

// intFromEnv reads a whole number from the environment.
func (p *program) intFromEnv(name string, fallback int) (int, error) {
	v := p.env(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s must be a whole number such as %d, not %q", name, fallback, v)
	}
	return n, nil
}

// seedAssistants publishes the demo assistants in an empty table, after the same checks as for all assistants.
func (p *program) seedAssistants(ctx context.Context, info emulator.Info) error {
	service, err := p.versions(localStack(info), assistantcheck.Checker{})
	if err != nil {
		return err
	}
	files, err := fs.Glob(demoAssistants, "assistants/*.json")
	if err != nil {
		return err
	}
	for _, file := range files {
		b, err := demoAssistants.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := publish(ctx, service, publication(b, "an example of make run")); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}
