package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/usecase/erasure"
	"example.com/aurora/shared/usecase/webhook"
)

// erase removes the data of a number and prints a receipt, which is also written to a file.
func (p *program) erase(ctx context.Context) error {
	f := p.flags("erase")
	dryRun := f.String("dry-run", "", "1 says what would be erased and changes nothing")
	number, service, err := p.personalData(ctx, f)
	if err != nil {
		return err
	}
	run := service.Erase
	if *dryRun != "" {
		run = service.Preview
	}
	receipt, err := run(ctx, number)
	if err != nil && receipt.Searches == 0 {
		return err
	}
	receipt.Print(p.out)
	if err != nil {
		return fmt.Errorf("the run stopped; the same command goes on: %w", err)
	}
	if receipt.DryRun {
		return nil
	}
	b, err := json.MarshalIndent(receipt, "", "  ")
	if err != nil {
		return err
	}
	file, err := p.writePrivate("erased-"+receipt.Started.Format("20060102T150405Z")+".json", append(b, '\n'))
	if err == nil {
		p.printLine("The receipt is in %s.", file)
	}
	return err
}

// export writes the data of a number to an archive.
func (p *program) export(ctx context.Context) error {
	number, service, err := p.personalData(ctx, p.flags("export"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	archive := zipArchive{zip.NewWriter(&b)}
	counts, err := service.Export(ctx, number, archive)
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return err
	}
	file, err := p.writePrivate("export-"+time.Now().UTC().Format("20060102T150405Z")+".zip", b.Bytes())
	if err != nil {
		return err
	}
	p.printLine("%d reports of calls, %d analyses, %d rows, %d outbound calls, %d other records, %d queued messages, %d messages of unknown types",
		counts.CallReports, counts.Analyses, counts.Rows, counts.OutboundRecords, counts.OtherLedgerItems+counts.DoNotCallEntries, counts.QueuedMessages, counts.Unrecognised)
	p.printLine("They are in %s. It holds personal data: hand it over safely, and delete it then.", file)
	return nil
}

// writePrivate writes a file in the data folder that only its owner can read.
func (p *program) writePrivate(name string, body []byte) (path string, err error) {
	path = filepath.Join(p.dataFolder(), name)
	if err := os.MkdirAll(p.dataFolder(), 0o700); err != nil {
		return path, err
	}
	return path, os.WriteFile(path, body, 0o600)
}

// zipArchive writes files into a zip archive.
type zipArchive struct{ *zip.Writer }

func (a zipArchive) Add(name string, body []byte) error {
	w, err := a.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now()})
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// personalData reads the arguments of a command about one number.
func (p *program) personalData(ctx context.Context, f *flag.FlagSet) (aurora.Phone, *erasure.Service, error) {
	number := f.String("number", "", "a number such as +14155550100")
	region := f.String("region", "", "the country of a number without a country code, such as US")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return "", nil, err
	}
	n, err := parseNumber(*number, *region)
	if err != nil {
		return "", nil, err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return "", nil, err
	}
	service, err := p.personalDataService(ctx, s)
	return n, service, err
}

// personalDataService wires the search over a stack.
func (p *program) personalDataService(ctx context.Context, s *stack) (*erasure.Service, error) {
	name, err := s.bucketName(ctx)
	if err != nil {
		return nil, err
	}
	reports, err := p.newReportCommand(ctx, s)
	if err != nil {
		return nil, err
	}
	queues, err := s.queuesWithDeadLetters(ctx, "raw", "calls", "messages")
	if err != nil {
		return nil, err
	}
	objects := s3.New(s.awsConfig("s3"), name)
	items := func(kind string) *dynamo.Items {
		return dynamo.NewItems(s.awsConfig("dynamodb"), s.tableName(kind), kind)
	}
	last := ""
	return &erasure.Service{Bucket: objects, Writer: objects, Assistants: items("assistants"), Calls: items("calls"), Ledger: items("ledger"),
		Traces: dynamo.NewTraces(s.awsConfig("dynamodb"), s.tableName("traces"), 0),
		Queues: queues, Packing: rawReports{}, Tombstones: dynamo.NewLedger(s.awsConfig("dynamodb"), s.tableName("ledger"), time.Now),
		Reports: reports, Now: time.Now,
		Progress: func(step string, done int) {
			if step != last || done%progressStep == 0 && done > 0 {
				last = step
				p.printLine("reading %s, %d", step, done)
			}
		}}, nil
}

const progressStep = 4096 // things after which a line says how far the search is

// queuesWithDeadLetters returns queues, each with its dead-letter queue.
func (s *stack) queuesWithDeadLetters(ctx context.Context, names ...string) (all []erasure.NamedQueue, err error) {
	cfg, err := s.awsConfig("sqs")()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		url, err := s.queueURL(ctx, name)
		if err != nil {
			return nil, err
		}
		dead, _, err := deadLetterURL(ctx, awssqs.NewFromConfig(cfg), s.queueName(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, erasure.NamedQueue{Name: name, Queue: sqs.New(s.awsConfig("sqs"), url)},
			erasure.NamedQueue{Name: name + " dead letters", Queue: sqs.New(s.awsConfig("sqs"), dead)})
	}
	return all, nil
}

// rawReports reads and writes the messages of the raw queue.
type rawReports struct{}

func (rawReports) Unpack(m aurora.QueuedMessage) (report []byte, ok bool, err error) {
	if _, ok = m.Attributes[webhook.QueuedKeyAttribute]; !ok {
		return nil, false, nil
	}
	report, err = webhook.Unpack(m.Body)
	return report, true, err
}

func (rawReports) Pack(report []byte) string { return webhook.Pack(report) }

const maxParallelReports = 8

// MakeReports has the report worker make reports again.
func (r *reportCommand) MakeReports(ctx context.Context, jobs []aurora.ReportJob) []error {
	return safego.Each(ctx, len(jobs), maxParallelReports, func(i int) error {
		a, err := r.assistants.ByID(ctx, jobs[i].AssistantID)
		if err != nil {
			return err
		}
		_, err = r.makeReport(ctx, jobs[i], aurora.ReportPrefix(a.ID(), jobs[i].Period.WindowUntil(jobs[i].Until, a.Location())))
		return err
	})
}
