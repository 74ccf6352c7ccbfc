package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// invoke sends an event file to a function of the local stack over Lambda's Invoke API.
func (p *program) invoke(ctx context.Context) error {
	f := p.flags("invoke")
	function := f.String("function", "", "a folder under functions/")
	event := f.String("event", "", "a file in events/<function>/, without .json; or a path")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if *function == "" || *event == "" {
		return errors.New("FUNCTION and EVENT are needed: make invoke FUNCTION=webhook EVENT=assistant-request")
	}
	if err := checkFunction(*function); err != nil {
		return err
	}
	body, err := readEvent(*function, *event)
	if err != nil {
		return err
	}
	s, err := p.stack(ctx, "")
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.local.Lambda+"/2015-03-31/functions/"+*function+"/invocations", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", *function, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	p.printLine("%s", pretty(answer))
	if kind := resp.Header.Get("X-Amz-Function-Error"); kind != "" {
		return fmt.Errorf("the function failed: %s", kind)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the Invoke API answered %s", resp.Status)
	}
	return nil
}

// checkFunction returns an error that suggests the nearest name if there is no such folder under functions/.
func checkFunction(name string) error {
	folders, err := filepath.Glob(filepath.Join("functions", "*"))
	if err != nil {
		return err
	}
	for i := range folders {
		folders[i] = filepath.Base(folders[i])
	}
	if slices.Contains(folders, name) {
		return nil
	}
	return fmt.Errorf("there is no function %q.%s The functions are: %s", name, suggestion(name, folders), strings.Join(folders, " "))
}

// readEvent reads an event by its name. If there is none, the error suggests the nearest name and lists all of them.
func readEvent(function, event string) ([]byte, error) {
	if strings.ContainsAny(event, "/.") {
		return os.ReadFile(event)
	}
	b, err := os.ReadFile(filepath.Join("events", function, event+".json"))
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	files, _ := filepath.Glob(filepath.Join("events", function, "*.json"))
	for i := range files {
		files[i] = strings.TrimSuffix(filepath.Base(files[i]), ".json")
	}
	return nil, fmt.Errorf("%s has no event %q.%s Its events are: %s", function, event, suggestion(event, files), strings.Join(files, " "))
}

// pretty indents JSON, and returns anything else as it is.
func pretty(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return b
	}
	return out.Bytes()
}
