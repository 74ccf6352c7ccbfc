package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"example.com/aurora/shared/dev/eventcase"
)

// event writes a case of a function's tests as a whole event, as Lambda receives it.
func (p *program) event(context.Context) error {
	f := p.flags("event")
	function := f.String("function", "", "a folder of functions/")
	name := f.String("case", "", "the name of a case in functions/<function>/testdata/cases.yaml")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if *function == "" {
		return errors.New(`name the function and the case, such as: make event FUNCTION=webhook CASE="report without a date"`)
	}
	event, err := buildEvent(*function, *name)
	if err != nil {
		return err
	}
	_, err = p.out.Write(event)
	return err
}

// buildEvent returns the event of a case. An unknown function or case is an error that names the nearest.
func buildEvent(function, name string) ([]byte, error) {
	cases, err := eventcase.Load(".", function)
	if errors.Is(err, fs.ErrNotExist) {
		folders, _ := filepath.Glob(filepath.Join("functions", "*"))
		for i := range folders {
			folders[i] = filepath.Base(folders[i])
		}
		return nil, fmt.Errorf("there is no function %q with cases; the nearest is %s", function, strings.Join(eventcase.Nearest(function, folders, 1), ""))
	}
	if err != nil {
		return nil, err
	}
	if name == "" {
		names := make([]string, len(cases))
		for i, c := range cases {
			names[i] = c.Name
		}
		return nil, fmt.Errorf("name one of the cases of %s with CASE=\"…\":\n  %s", function, strings.Join(names, "\n  "))
	}
	c, err := eventcase.Find(cases, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", function, err)
	}
	return c.Build()
}
