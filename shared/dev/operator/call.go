package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"example.com/aurora/shared/dev/typedcall"
)

// The numbers of make call, unless others are given: a demo assistant's, and a caller's.
const (
	calledNumber = "+15551230100"
	typingCaller = "+14155550150"
)

// call makes a phone call to an assistant of the local stack, whose caller types.
func (p *program) call(ctx context.Context) error {
	f := p.flags("call")
	text := f.String("text", "", "what the caller says, in turns separated by |; without it, lines are read from the input")
	number := f.String("number", "", "the number that is called; "+calledNumber+" if empty")
	from := f.String("from", "", "the caller's number; "+typingCaller+" if empty")
	dialled := f.String("transfer", "", "the outcome of a transfer: completed, busy, no-answer or failed")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	s, err := p.stack(ctx, "")
	if err != nil {
		return err
	}
	o := typedcall.Options{Twilio: s.local.Endpoints["twilio"], From: cmp.Or(*from, typingCaller), To: cmp.Or(*number, calledNumber), Dialled: *dialled, Text: *text,
		Input: os.Stdin, Typed: isTerminal(os.Stdin), Out: p.out}
	if o.Text == "" && o.Typed {
		p.printLine("Type what the caller says. It interrupts the assistant. /press 12#, /wait 10, /after 5 Stop, /drop and /hangup are commands.")
	}
	report, err := typedcall.Run(ctx, o)
	if err != nil {
		return fmt.Errorf("%w (the calls of this machine are made by its fake Twilio: `make run` must not use a real account)", err)
	}
	p.printLine("\nEverything about the call: make find CALL=%s", report.SID)
	if n := len(report.Problems) + len(report.Violations); n > 0 {
		return errors.New("the call had problems: see the lines with ! above")
	}
	return nil
}

// isTerminal reports whether a person types into a file.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
