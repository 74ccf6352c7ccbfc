package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/dev/callfinder"
)

// queryWait is the time between two questions for the result of a query of logs.
const queryWait = time.Second

// find prints everything about one call in the order of time.
func (p *program) find(ctx context.Context) error {
	f := p.flags("find")
	id := f.String("call", "", "any id that leads to the call: its own, Twilio's, that of its record, of a request or of a completion")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	since := f.Int("since", 14, "how many days back the logs of a deployed stage are searched")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if *id = strings.TrimSpace(*id); *id == "" || *since < 1 {
		return errors.New("name the call: make find CALL=<id>, and SINCE=<days> if it is older than 14 days")
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	bucket, err := s.bucketName(ctx)
	if err != nil {
		return err
	}
	logs, err := p.logs(s, time.Duration(*since)*24*time.Hour)
	if err != nil {
		return err
	}
	finder := callfinder.Finder{Logs: logs, Bucket: s3.New(s.awsConfig("s3"), bucket),
		Calls:  dynamo.NewItems(s.awsConfig("dynamodb"), s.tableName("calls"), "calls"),
		Ledger: dynamo.NewItems(s.awsConfig("dynamodb"), s.tableName("ledger"), "ledger"),
		Traces: dynamo.NewTraces(s.awsConfig("dynamodb"), s.tableName("traces"), 0), Now: time.Now}
	calls, err := finder.Find(ctx, *id)
	if err != nil {
		return err
	}
	if len(calls) == 0 {
		return fmt.Errorf("nothing is known of %s: no log line, no object and no item has this id", *id)
	}
	if len(calls) > 1 {
		p.printLine("%d assistants have a call with this id; each is printed by itself.", len(calls))
	}
	for _, c := range calls {
		c.Print(p.out)
	}
	return nil
}

// logs returns the logs of a stack: its files, or those in CloudWatch.
func (p *program) logs(s *stack, since time.Duration) (callfinder.Logs, error) {
	if s.local != nil {
		return callfinder.Files{Dir: filepath.Join(p.dataFolder(), "logs")}, nil
	}
	cfg, err := s.awsConfig("logs")()
	if err != nil {
		return nil, err
	}
	return &callfinder.Insights{Client: cloudwatchlogs.NewFromConfig(cfg), Stage: s.stage, Since: since, Now: time.Now, Wait: queryWait}, nil
}
