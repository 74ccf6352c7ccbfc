package main

import (
	"context"
	"os"

	"example.com/aurora/shared/dev/bench"
)

// bench measures the stack and its alternatives.
func (p *program) bench(ctx context.Context) error {
	f := p.flags("bench")
	readme := f.String("readme", "", "a document whose tables this run replaces")
	only := f.String("only", "", "first-words: measure and print this part alone")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	return bench.Run(ctx, bench.Options{Root: ".", Data: p.dataFolder(), Page: *readme, Out: p.out, Environ: os.Environ(), Only: *only, Seed: p.seedAssistants})
}
