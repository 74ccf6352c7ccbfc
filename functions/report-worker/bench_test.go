package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/report"
)

const manyCalls = 50_000

// fillTable puts a month's calls into the calls table.
func fillTable(b *testing.B, config func() (aws.Config, error)) {
	b.Helper()
	cfg, _ := config()
	client := dynamodb.NewFromConfig(cfg)
	table := "calls"
	work := make(chan int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for first := range work {
				var batch []types.WriteRequest
				for n := first; n < first+25; n++ {
					batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: callItem(n)}})
				}
				if _, err := client.BatchWriteItem(b.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: batch}}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := 0; n < manyCalls; n += 25 {
		work <- n
	}
	close(work)
	wg.Wait()
}

// callItem returns a row as the call worker writes it.
func callItem(n int) map[string]types.AttributeValue {
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	ended := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * (31 * 24 * time.Hour / manyCalls))
	return map[string]types.AttributeValue{
		"assistantDay": s("a1#" + ended.Format(time.DateOnly)), "callId": s(fmt.Sprintf("call-%06d", n)), "version": s("1"), "key": s(fmt.Sprintf("eoc/a1/call-%06d.json", n)),
		"startedAt": s(ended.Add(-time.Minute).Format(time.RFC3339)), "endedAt": s(ended.Format(time.RFC3339)), "seconds": &types.AttributeValueMemberN{Value: strconv.Itoa(20 + n%300)},
		"cost": &types.AttributeValueMemberN{Value: "0.0385"}, "endedReason": s("customer-ended-call"), "class": s("answered"), "direction": s("inbound"),
		"customer": s(fmt.Sprintf("+1415555%04d", n%10_000)), "outcome": s([]string{"resolved", "unresolved"}[n%2]), "sentiment": s([]string{"positive", "neutral", "negative"}[n%3]),
		"summary": s("The caller asked for the opening hours on Saturday and was told that the house is closed on that day but open on Sunday."),
		"topics":  &types.AttributeValueMemberL{Value: []types.AttributeValue{s("opening hours"), s("saturday")}}, "spoke": &types.AttributeValueMemberBOOL{Value: true},
	}
}

type fakeMailer struct{ mail aurora.Mail }

func (*fakeMailer) Ready() bool { return true }

func (o *fakeMailer) SendMail(_ context.Context, m aurora.Mail) error { o.mail = m; return nil }

type alwaysSend struct{}

func (alwaysSend) Send(ctx context.Context, _ string, _ bool, send func(context.Context) error) (bool, error) {
	return true, send(ctx)
}

type fakeLinks struct{}

func (fakeLinks) URL(_ context.Context, key string) (string, error) {
	return "https://aurora.example.com/" + key, nil
}

// BenchmarkFault60FiftyThousandCalls makes a month's report of 50,000 calls over the protocols of DynamoDB and S3, without a
// narrative. API Gateway allows 29 s for a report that is made in the request.
func BenchmarkFault60FiftyThousandCalls(b *testing.B) {
	tables := dynalite.Tables(b, nil)
	fillTable(b, tables)
	objects := httptest.NewServer(fakes3.Serve(b, "reports"))
	b.Cleanup(objects.Close)
	out := &fakeMailer{}
	assistant := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "a1", AssistantName: "Riley", OrgName: "Harbor Dental", TimeZone: "America/New_York", Emails: aurora.List{"owner@example.com"}}}
	m := &report.Maker{Assistants: testkit.NewAssistants(assistant), Calls: dynamo.NewCalls(tables, "calls", 0), Bucket: s3.New(testkit.AWSConfig(objects.URL, nil), "reports"), Mail: out, SentLog: alwaysSend{}, Links: fakeLinks{},
		Now: time.Now}
	job := aurora.ReportJob{AssistantID: "a1", Period: aurora.Monthly, Until: time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC)}
	for b.Loop() {
		made, err := m.Make(b.Context(), job)
		if err != nil {
			b.Fatal(err)
		}
		if n := made.Report.Calls.Total; n < manyCalls*9/10 || made.Link == "" {
			b.Fatalf("the report has %d calls and the link %q", n, made.Link)
		}
		if len(out.mail.HTML) > 100<<10 || out.mail.Text == "" {
			b.Fatalf("the HTML of the mail has %d bytes, want at most 100 KB and a text", len(out.mail.HTML))
		}
	}
}
