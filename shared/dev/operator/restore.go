package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/assistantcheck"
)

// exportAssistants writes the documents of all assistants to a file, also of those whose configuration is invalid.
func (p *program) exportAssistants(ctx context.Context) error {
	f := p.flags("export-assistants")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	live, err := dynamo.NewAssistants(s.awsConfig("dynamodb"), s.tableName("assistants"), time.Now).AllLive(ctx)
	if err != nil {
		return err
	}
	all := make([]json.RawMessage, len(live))
	for i, a := range live {
		all[i] = a.Content
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	file, err := p.writePrivate("assistants-"+s.stage+"-"+time.Now().UTC().Format("20060102T150405Z")+".json", append(b, '\n'))
	if err != nil {
		return err
	}
	p.printLine("%d assistants of %s are in %s.", len(all), s.tableName("assistants"), file)
	p.printLine("Restore them with: make import-assistants FILE=%s [STAGE=…]", file)
	return nil
}

// importAssistants stores the assistants of an export that the table does not have. They are stored as they were: a document
// that today's checks of make assistant would reject served calls until the table was lost.
func (p *program) importAssistants(ctx context.Context) error {
	f := p.flags("import-assistants")
	file := f.String("file", "", "what make export-assistants wrote")
	replace := f.String("replace", "", "1 replaces assistants that the table has")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if *file == "" {
		return errors.New("FILE is needed: make import-assistants FILE=assistants-prod-….json [REPLACE=1] [STAGE=prod]")
	}
	b, err := readFile(*file)
	if err != nil {
		return err
	}
	var documents []json.RawMessage
	if err := json.Unmarshal(b, &documents); err != nil {
		return fmt.Errorf("%s is not an export of assistants: %w", *file, err)
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	service, err := p.versions(s, assistantcheck.Checker{})
	if err != nil {
		return err
	}
	stored, kept := 0, 0
	var failed []error
	for i, document := range documents {
		var named struct {
			ID string `json:"assistantId"`
		}
		_ = json.Unmarshal(document, &named) // publish names what is wrong with it
		if *replace == "" && named.ID != "" {
			_, exists, err := service.Published.Live(ctx, named.ID)
			if err != nil {
				return err // the table does not answer
			}
			if exists {
				kept++
				continue
			}
		}
		restored := publication(document, "restored from an export")
		restored.Unchecked = true
		if _, err := publish(ctx, service, restored); err != nil {
			failed = append(failed, fmt.Errorf("assistant %d (%s) was not stored: %w", i+1, named.ID, err))
			continue
		}
		stored++
	}
	p.printLine("%d assistants are stored in %s, %d were there already, %d failed.", stored, s.tableName("assistants"), kept, len(failed))
	return errors.Join(failed...)
}
