package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// program is one run of the command: what it was told, and where it speaks.
type program struct {
	out  io.Writer
	env  func(string) string
	args []string
}

// commands are the operator's, each with what it is for.
var commands = map[string]struct {
	does string
	run  func(*program, context.Context) error
}{
	"run":         {"bring up the whole bundle on this machine", (*program).run},
	"demo":        {"walk one story against the running stack", (*program).demo},
	"invoke":      {"send an event to a function of the running stack", (*program).invoke},
	"assistant":   {"check and store an assistant", (*program).assistant},
	"key":         {"make a key and its digest", (*program).key},
	"do-not-call": {"put a number on the do-not-call list, or take it off", (*program).doNotCall},
	"consent":     {"note that somebody agreed to be called", (*program).consent},
	"reconcile":   {"ask the provider what became of calls whose outcome nobody knows", (*program).reconcile},
	"reindex":     {"rebuild the table of calls from the bucket", (*program).reindex},
	"report":      {"have one report made, and show it", (*program).report},
	"schedule":    {"queue everybody's reports, now", (*program).schedule},
	"backfill":    {"make the reports of a range of dates that are missing, and mail nobody", (*program).backfill},
	"bench":       {"measure speed and cost beside what people would use instead", (*program).bench},
	"redrive":     {"send what waits in the dead-letter queues round again", (*program).redrive},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{out: os.Stdout, env: os.Getenv, args: os.Args[1:]}
	if err := p.dispatch(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func (p *program) dispatch(ctx context.Context) error {
	if len(p.args) > 0 {
		if c, ok := commands[p.args[0]]; ok {
			p.args = p.args[1:]
			err := c.run(p, ctx)
			if errors.Is(err, flag.ErrHelp) {
				return nil
			}
			return err
		}
	}
	return errors.New("which command? run, demo, invoke, assistant, key, do-not-call, consent, reconcile, reindex, report, schedule, backfill, bench or redrive; make lists them with what they do")
}

// flags are a command's own.
func (p *program) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(p.out)
	return f
}

func (p *program) printLine(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}
