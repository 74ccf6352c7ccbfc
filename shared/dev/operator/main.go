package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// program is one run of the command: its arguments, its environment and its output.
type program struct {
	out  io.Writer
	env  func(string) string
	args []string
}

// commands are the commands by name, each with a description.
var commands = map[string]struct {
	description string
	run         func(*program, context.Context) error
}{
	"run":               {"start the whole stack on this machine", (*program).run},
	"demo":              {"play one story against the running stack", (*program).demo},
	"call":              {"be the caller of a phone call by typing", (*program).call},
	"sms":               {"text an assistant, and print the answer", (*program).sms},
	"invoke":            {"send an event to a function of the running stack", (*program).invoke},
	"event":             {"write a case of a function's tests as a whole event", (*program).event},
	"assistant":         {"check and store an assistant", (*program).assistant},
	"key":               {"create a key and its digest", (*program).key},
	"do-not-call":       {"add a number to the do-not-call list, or remove it", (*program).doNotCall},
	"consent":           {"record that a person agreed to be called", (*program).consent},
	"reconcile":         {"ask the provider about the calls whose outcome is unknown", (*program).reconcile},
	"reindex":           {"rebuild the calls table from the bucket", (*program).reindex},
	"report":            {"make one report and show it", (*program).report},
	"schedule":          {"queue the reports of all assistants now", (*program).schedule},
	"backfill":          {"make the reports of a range of dates that are missing, without mails", (*program).backfill},
	"revoke-links":      {"end the links of a report, or of all reports", (*program).revokeLinks},
	"bench":             {"measure speed, size and cost beside the alternatives", (*program).bench},
	"export-assistants": {"write all assistants to a file", (*program).exportAssistants},
	"import-assistants": {"store the assistants of an export that are missing", (*program).importAssistants},
	"erase":             {"erase the data of one number", (*program).erase},
	"export":            {"write the data of one number to an archive", (*program).export},
	"smoke":             {"check the whole stack from outside", (*program).smoke},
	"find":              {"print everything about one call in the order of time", (*program).find},
	"redrive":           {"move the messages of the dead-letter queues back, show them or drop some", (*program).redrive},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	p := &program{out: os.Stdout, env: os.Getenv, args: os.Args[1:]}
	if err := p.dispatch(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// dispatch runs the command that the arguments name.
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
	list := "name one of these commands:"
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		list += fmt.Sprintf("\n  %-17s %s", name, commands[name].description)
	}
	return errors.New(list)
}

// flags returns the flag set of a command.
func (p *program) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(p.out)
	return f
}

// printLine writes a line for the operator.
func (p *program) printLine(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}
