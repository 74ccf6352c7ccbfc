package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/report"
)

const (
	reportTimeout = 6 * time.Minute // five of the worker and one of the queue
	reportPoll    = 500 * time.Millisecond
	linkLifetime  = time.Hour
)

// reportCommand is what the commands about reports share.
type reportCommand struct {
	*program
	bucket     string
	assistants *dynamo.Assistants
	objects    *s3.Bucket
	queue      *sqs.Queue
}

// openReportCommand returns what a command about the reports of a stage needs.
func (p *program) openReportCommand(ctx context.Context, stage string) (*reportCommand, error) {
	s, err := p.stack(ctx, stage)
	if err != nil {
		return nil, err
	}
	return p.newReportCommand(ctx, s)
}

func (p *program) newReportCommand(ctx context.Context, s *stack) (*reportCommand, error) {
	name, err := s.bucketName(ctx)
	if err != nil {
		return nil, err
	}
	address, err := s.queueURL(ctx, "reports")
	if err != nil {
		return nil, err
	}
	return &reportCommand{program: p, bucket: name, assistants: dynamo.NewAssistants(s.awsConfig("dynamodb"), s.tableName("assistants"), time.Now),
		objects: s3.New(s.awsConfig("s3"), name), queue: sqs.New(s.awsConfig("sqs"), address)}, nil
}

// queueURL returns the URL of one of the stack's queues.
func (s *stack) queueURL(ctx context.Context, name string) (string, error) {
	cfg, err := s.awsConfig("sqs")()
	if err != nil {
		return "", err
	}
	full := s.queueName(name)
	out, err := awssqs.NewFromConfig(cfg).GetQueueUrl(ctx, &awssqs.GetQueueUrlInput{QueueName: &full})
	if err != nil {
		return "", fmt.Errorf("find the queue %s: %w", full, err)
	}
	return *out.QueueUrl, nil
}

// report makes one report through the worker, and shows it.
func (p *program) report(ctx context.Context) error {
	f := p.flags("report")
	id := f.String("assistant", "", "an assistant's id")
	name := f.String("period", "", "weekly or monthly")
	end := f.String("until", "", "the end of the window: a date or a time; empty for the end of the current hour")
	resend := f.String("resend", "", "1 mails it also to recipients who have it")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	period, err := aurora.ParsePeriod(*name)
	if err != nil || *id == "" {
		return errors.New("ASSISTANT must be an id, and PERIOD weekly or monthly: make report ASSISTANT=<id> PERIOD=weekly [UNTIL=2026-11-23] [STAGE=prod]")
	}
	r, err := p.openReportCommand(ctx, *stage)
	if err != nil {
		return err
	}
	a, err := r.assistants.ByID(ctx, *id)
	if err != nil {
		return err
	}
	until, err := aurora.ParseUntil(*end, time.Now(), a.Location())
	if err != nil {
		return err
	}
	job := aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: until, Resend: *resend != ""}
	prefix := aurora.ReportPrefix(a.ID(), period.WindowUntil(until, a.Location()))
	made, err := r.makeReport(ctx, job, prefix)
	if err != nil {
		return err
	}
	return r.show(ctx, made, prefix)
}

// makeReport queues a job and waits until its report is written. An older report under the same keys may exist before.
func (r *reportCommand) makeReport(ctx context.Context, job aurora.ReportJob, prefix string) (made aurora.Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	_, before, err := r.objects.Read(ctx, prefix+aurora.ReportJSONName)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return made, err
	}
	// S3 reports times in whole seconds, so a report that was written just now must get older before the next is written.
	if wait := 2*time.Second - time.Since(before); !before.IsZero() && wait > 0 && !sleep(ctx, wait) {
		return made, ctx.Err()
	}
	if err := report.Enqueue(ctx, r.queue, job); err != nil {
		return made, err
	}
	for {
		body, written, err := r.objects.Read(ctx, prefix+aurora.ReportJSONName)
		switch {
		case err == nil && written.After(before):
			if err := json.Unmarshal(body, &made); err != nil {
				return made, fmt.Errorf("read %sreport.json: %w", prefix, err)
			}
			return made, nil
		case err != nil && !fault.Is(err, fault.NotFound) && ctx.Err() == nil:
			return made, err
		}
		if !sleep(ctx, reportPoll) {
			return made, fmt.Errorf("the report was not made in time; look into the log of report-worker. The job is tried again and at last moved to the dead-letter queue (make redrive): %w", context.Cause(ctx))
		}
	}
}

// show prints the figures of a report and where it is stored.
func (r *reportCommand) show(ctx context.Context, made aurora.Report, prefix string) error {
	const day = "Mon 2 Jan 2006 15:04"
	c, before := made.Calls, made.Previous
	r.printLine("%s report on %s (%s), %s to %s, %s", made.Period.Title(), made.AssistantName, made.AssistantID, made.From.Format(day), made.Until.Format(day), made.TimeZone)
	r.printLine("  calls    %d (the %s before: %d); answered %d, voicemail %d, failed %d; inbound %d, outbound %d, transferred %d",
		c.Total, map[aurora.Period]string{aurora.Weekly: "week", aurora.Monthly: "month"}[made.Period], before.Calls.Total,
		c.Answered, c.Voicemail, c.Failed, c.Inbound, c.Outbound, c.Transferred)
	r.printLine("  minutes  %.2f (%.2f)", made.Minutes, before.Minutes)
	r.printLine("  cost     %.4f %s (%.4f), unknown for %d calls", made.Cost.Total, made.Cost.Currency, before.Cost.Total, made.Cost.UnknownCalls)
	r.printLine("  callers  %d, returning %d", made.Callers.Unique, made.Callers.Returning)
	if made.Narrative.Text != "" {
		r.printLine("  %s", made.Narrative.Text)
	}
	r.printLine("Its number is %s.", aurora.ReportNumber(prefix+aurora.ReportHTMLName))
	r.printLine("It is stored in s3://%s/%s (report.html, .json, .csv).", r.bucket, prefix)
	address, err := r.objects.Presign(ctx, prefix+aurora.ReportHTMLName, linkLifetime)
	if err != nil {
		return err
	}
	r.printLine("For one hour it can be read at\n%s", address)
	return nil
}

// schedule queues the reports of all assistants now.
func (p *program) schedule(ctx context.Context) error {
	f := p.flags("schedule")
	name := f.String("period", "", "weekly or monthly")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	period, err := aurora.ParsePeriod(*name)
	if err != nil {
		return errors.New("PERIOD must be weekly or monthly: make schedule PERIOD=weekly [STAGE=prod]")
	}
	r, err := p.openReportCommand(ctx, *stage)
	if err != nil {
		return err
	}
	unreadable := 0
	s := &report.Scheduler{Assistants: r.assistants, Queue: r.queue, Now: time.Now, Count: func(context.Context, string) { unreadable++ }}
	queued, err := s.QueueScheduled(ctx, period, time.Now(), true)
	r.printLine("%d %s reports queued, each up to the assistant's last midnight; they will be stored in s3://%s/reports/", queued, period, r.bucket)
	if err == nil && unreadable > 0 {
		err = fmt.Errorf("%d assistants cannot be read, so they get no report", unreadable)
	}
	return err
}

// sleep waits, and returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
