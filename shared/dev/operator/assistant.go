package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/usecase/versions"
)

// assistant checks an assistant's JSON document and stores it in the local or a deployed stack.
func (p *program) assistant(ctx context.Context) error {
	f := p.flags("assistant")
	file := f.String("file", "", "the assistant's JSON document; - for standard input")
	note := f.String("note", "", "why the assistant changes, for its versions")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	b, err := readFile(*file)
	if err != nil {
		return err
	}
	s, noStack := p.stack(ctx, *stage) // returned after the check: an invalid document is reported first
	hosts, err := p.privateHosts(s)
	if err != nil {
		return err
	}
	retention, err := p.maxRetention(s)
	if err != nil {
		return err
	}
	checker := assistantcheck.Checker{PrivateHosts: hosts, MaxRetentionDays: retention}
	if complaints := checker.Check(b); len(complaints) > 0 {
		return fmt.Errorf("%s was not stored:\n%s", *file, assistantcheck.Lines(complaints))
	}
	if noStack != nil {
		return noStack
	}
	service, err := p.versions(s, checker)
	if err != nil {
		return err
	}
	o, err := publish(ctx, service, publication(b, *note))
	if err != nil {
		return fmt.Errorf("%s was not stored: %w", *file, err)
	}
	_, stored, err := versions.Canonical(o.Version.Content)
	if err != nil {
		return err
	}
	p.printLine("%s (%s) is stored in %s", stored.ID(), stored.AssistantName, s.tableName("assistants"))
	if o.Same {
		p.printLine("it is version %d, as before: the document has not changed", o.Version.Number)
	} else {
		p.printLine("it is version %d", o.Version.Number)
	}
	if len(stored.Numbers()) == 0 && stored.AssistantPhoneNumber != "" {
		p.printLine("its number %s is not in E.164 form (such as +15551230100), so calls to it will not find the assistant", stored.AssistantPhoneNumber)
	}
	return nil
}

// privateHosts returns the hosts of TOOL_PRIVATE_HOSTS: this command's, else those that the running stack was started
// with. s may be nil.
func (p *program) privateHosts(s *stack) ([]string, error) {
	list := p.env("TOOL_PRIVATE_HOSTS")
	if list == "" && s != nil && s.local != nil {
		var err error
		if list, err = emulator.FunctionVariable(p.dataFolder(), "TOOL_PRIVATE_HOSTS"); err != nil {
			return nil, err
		}
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), nil
}

// maxRetention returns the days that the deployment keeps calls: those of the running stack, else those of RETENTION_DAYS. s may be
// nil.
func (p *program) maxRetention(s *stack) (int, error) {
	if s != nil && s.local != nil {
		days, err := emulator.FunctionVariable(p.dataFolder(), "RETENTION_DAYS")
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(days); err == nil {
			return n, nil
		}
	}
	return p.intFromEnv("RETENTION_DAYS", 400)
}

func readFile(name string) ([]byte, error) {
	switch name {
	case "":
		return nil, errors.New("FILE is needed: make assistant FILE=assistant.json [STAGE=prod]")
	case "-":
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}
