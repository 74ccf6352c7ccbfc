package main

import (
	"context"
	"os"

	"example.com/aurora/shared/dev/bench"
)

// bench measures the bundle beside what people would use instead.
func (p *program) bench(ctx context.Context) error {
	f := p.flags("bench")
	readme := f.String("readme", "", "a file whose last run this one replaces")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	return bench.Run(ctx, bench.Options{Root: ".", Data: p.dataFolder(), Readme: *readme, Out: p.out, Environ: os.Environ(), Seed: seedAssistants})
}
