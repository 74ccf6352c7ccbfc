package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

type sqsAttribute = sqstypes.QueueAttributeName

func TestNotificationReachesTheFunction(t *testing.T) {
	sinkURL, got := newSink(t, nil)
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL}})
	put := func(key, body string, ifNone *string) error {
		_, err := s.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(s.Info().Bucket), Key: aws.String(key), Body: bytes.NewReader([]byte(body)), IfNoneMatch: ifNone})
		return err
	}
	if !strings.Contains(sqsBody(t, receiveWithin(t, got, "the test event")), `"Event":"s3:TestEvent"`) {
		t.Error("the first message is not S3's test notification")
	}
	if err := put("out/nobody.json", "{}", nil); err != nil {
		t.Fatal(err)
	}
	if err := put("in/a b+ü/x.json", `{"hello":"world"}`, aws.String("*")); err != nil {
		t.Fatal(err)
	}
	if err := put("in/a b+ü/x.json", `{"hello":"again"}`, aws.String("*")); err == nil || !strings.Contains(err.Error(), "412") {
		t.Errorf("writing an existing key with If-None-Match: error %v, want 412", err)
	}
	event := receiveWithin(t, got, "the notification")
	var batch events.SQSEvent
	if err := json.Unmarshal([]byte(event), &batch); err != nil || len(batch.Records) != 1 {
		t.Fatal(err, event)
	}
	record := batch.Records[0]
	if record.EventSource != "aws:sqs" || record.EventSourceARN != "arn:aws:sqs:us-east-1:000000000000:work-test" || record.Attributes["ApproximateReceiveCount"] != "1" ||
		record.Attributes["SentTimestamp"] == "" || record.MessageId == "" || record.ReceiptHandle == "" || record.Md5OfBody == "" {
		t.Errorf("the SQS record is %+v", record)
	}
	var told events.S3Event
	if err := json.Unmarshal([]byte(record.Body), &told); err != nil || len(told.Records) != 1 {
		t.Fatal(err, record.Body)
	}
	object := told.Records[0]
	if object.EventName != "ObjectCreated:Put" || object.S3.Bucket.Name != s.Info().Bucket || object.S3.Object.Key != "in/a+b%2B%C3%BC/x.json" ||
		object.S3.Object.URLDecodedKey != "in/a b+ü/x.json" || object.S3.Object.Size != 17 || len(object.S3.Object.ETag) != 32 || object.S3.Object.Sequencer == "" {
		t.Errorf("the notification is %+v", object)
	}
	out, err := s.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(s.Info().Bucket), Key: aws.String("in/a b+ü/x.json")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	if body, err := io.ReadAll(out.Body); err != nil || string(body) != `{"hello":"world"}` {
		t.Errorf("stored %q, error %v", body, err)
	}
	// The SDK sends a trailing checksum only over TLS. A client that sends one here gets an error instead of a broken object.
	response, body := sendRequest(t, "PUT", s.Info().Endpoints["s3"]+"/"+s.Info().Bucket+"/in/y", "5\r\nhello\r\n0\r\n\r\n", "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	if response.StatusCode != 501 || !strings.Contains(body, "NotImplemented") {
		t.Errorf("a trailing checksum: %s %s", response.Status, body)
	}
}

func sqsBody(t *testing.T, event string) string {
	t.Helper()
	var batch events.SQSEvent
	if err := json.Unmarshal([]byte(event), &batch); err != nil || len(batch.Records) == 0 {
		t.Fatal(err, event)
	}
	return batch.Records[0].Body
}

func TestPoisonEndsInTheDeadLetterQueue(t *testing.T) {
	sinkURL, got := newSink(t, func(event string) string {
		var batch events.SQSEvent
		if json.Unmarshal([]byte(event), &batch) != nil {
			return "fail"
		}
		answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for _, r := range batch.Records {
			if strings.Contains(r.Body, "poison") {
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
			}
		}
		b, _ := json.Marshal(answer)
		return string(b)
	})
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL}})
	queue := s.Info().Queues["work"]
	entries := []sqstypes.SendMessageBatchRequestEntry{{Id: aws.String("a"), MessageBody: aws.String("good")}, {Id: aws.String("b"), MessageBody: aws.String("poison")}}
	if _, err := s.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: aws.String(queue), Entries: entries}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for seen["poison"] < 2 || seen["good"] < 1 {
		var batch events.SQSEvent
		if err := json.Unmarshal([]byte(receiveWithin(t, got, "a batch")), &batch); err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			seen[r.Body]++
		}
	}
	dead, err := s.sqs.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("aurora-test-WorkDeadLetters")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: dead.QueueUrl, WaitTimeSeconds: 20})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != "poison" {
		t.Errorf("dead letters %+v, error %v; want the poisoned message", out, err)
	}
	if n := queueDepth(t, s, queue); n != "0" || seen["good"] != 1 || seen["poison"] != 2 {
		t.Errorf("%s messages left, handled %v; want 0, and poison twice", n, seen)
	}
}

func TestSecondRunFindsTheData(t *testing.T) {
	ctx, seeds := t.Context(), 0
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	data, err := filepath.Rel(here, t.TempDir()) // a relative path, like .aurora
	if err != nil {
		t.Fatal(err)
	}
	failing := Options{Root: "testdata", Data: data, Bin: builtPrograms, clientsFolder: filepath.Join("..", "compat"), Environ: []string{"PATH=" + os.Getenv("PATH")},
		Seed: func(context.Context, Info) error { return errors.New("no") }}
	if _, err := Start(ctx, failing); err == nil || !strings.Contains(err.Error(), "store the first assistants: no") {
		t.Fatalf("a seed that fails: error %v", err)
	}
	seed := func(ctx context.Context, info Info) error {
		seeds++
		if info.Ready || info.API == "" {
			return fmt.Errorf("seed: incomplete info %+v", info)
		}
		client := dynamodb.New(dynamodb.Options{Region: region, BaseEndpoint: aws.String(info.Endpoints["dynamodb"]),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
			})})
		_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(info.Tables["assistants"]),
			Item: map[string]dynamotypes.AttributeValue{"assistantId": &dynamotypes.AttributeValueMemberS{Value: "a1"}}})
		return err
	}
	s := startStack(t, Options{Data: data, Seed: seed})
	if _, err := s.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(s.Info().Bucket), Key: aws.String("out/kept"), Body: strings.NewReader("kept")}); err != nil {
		t.Fatal(err)
	}
	dead, err := s.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("aurora-test-WorkDeadLetters")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: dead.QueueUrl, MessageBody: aws.String("kept")}); err != nil {
		t.Fatal(err)
	}
	key := s.Info().Keys["BINARYTINT_API_KEY"]
	if !strings.HasPrefix(key, "aur_api_") || len(key) != len("aur_api_")+43 {
		t.Errorf("key %q, want aur_api_ and 43 characters", key)
	}

	if _, err := Start(ctx, failing); err == nil || !strings.Contains(err.Error(), "another stack uses this data folder") {
		t.Errorf("a second stack with the same data folder: error %v", err)
	}
	stopStack(t, s)
	if text, err := os.ReadFile(filepath.Join(data, InfoFile)); err != nil || jsonAt(t, string(text), "ready") != false {
		t.Errorf("run.json after the stop: %s, error %v; want ready false", text, err)
	}

	s = startStack(t, Options{Data: data, Seed: seed})
	if seeds != 1 || len(s.Info().Assistants) != 1 || s.Info().Assistants[0] != "a1" {
		t.Errorf("%d seeds, assistants %v; want one of each", seeds, s.Info().Assistants)
	}
	if s.Info().Keys["BINARYTINT_API_KEY"] != key {
		t.Error("the second run has another key")
	}
	got, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(s.Info().Bucket), Key: aws.String("out/kept")})
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	dead, err = s.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("aurora-test-WorkDeadLetters")})
	if err != nil {
		t.Fatal(err)
	}
	if n := queueDepth(t, s, *dead.QueueUrl); n != "1" {
		t.Errorf("the second run found %s messages", n)
	}
	text, err := os.ReadFile(filepath.Join(data, InfoFile))
	if err != nil || jsonAt(t, string(text), "ready") != true || jsonAt(t, string(text), "queues", "work") == nil {
		t.Errorf("run.json: %s, error %v", text, err)
	}
	sam, err := os.ReadFile(filepath.Join(data, "sam.yaml"))
	if err != nil || !strings.Contains(string(sam), "AWS_ENDPOINT_URL_SQS: \""+s.Info().Endpoints["sqs"]) {
		t.Errorf("sam.yaml: %v\n%.2000s", err, sam)
	}
}

func TestOpenAISecretIsRewrittenEveryRun(t *testing.T) {
	data := t.TempDir()
	value := func(s *Stack) string {
		out, err := s.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("aurora/test/openai")})
		if err != nil {
			t.Fatal(err)
		}
		return *out.SecretString
	}
	s := startStack(t, Options{Data: data, Environ: []string{"OPENAI_API_KEY=sk-given"}})
	_, environment := sendRequest(t, "GET", s.Info().API+"/open?do=environment", "")
	if value(s) != "sk-given" || strings.Contains(environment, "OPENAI_BASE_URL") || strings.Contains(environment, "sk-given") {
		t.Errorf("with a key in the environment, the secret is %q\n%s", value(s), environment)
	}
	stopStack(t, s)
	s = startStack(t, Options{Data: data, Environ: []string{"OPENAI_BASE_URL=http://127.0.0.1:1/v1", "STAGE=mine"}})
	_, environment = sendRequest(t, "GET", s.Info().API+"/open?do=environment", "")
	if value(s) == "sk-given" || !strings.Contains(environment, "OPENAI_BASE_URL=http://127.0.0.1:1/v1") || !strings.Contains(environment, "STAGE=mine") {
		t.Errorf("with a model address in the environment, the secret is %q\n%s", value(s), environment)
	}
}

func TestMissingRequirementsAreNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := taken.Addr().(*net.TCPAddr).Port
	start := func(change func(*Options)) error {
		o := Options{Root: "testdata", Data: t.TempDir(), Bin: builtPrograms, clientsFolder: filepath.Join("..", "compat")}
		change(&o)
		s, err := Start(t.Context(), o)
		if err == nil {
			stopStack(t, s)
		}
		return err
	}
	if err := start(func(o *Options) { o.Port = port }); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d, wanted for the API, is in use", port)) || !strings.Contains(err.Error(), "PORT=") {
		t.Errorf("a port in use: error %v", err)
	}
	if err := start(func(o *Options) { o.Root = t.TempDir() }); err == nil || !strings.Contains(err.Error(), "template") {
		t.Errorf("no template: error %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := start(func(o *Options) {}); err == nil || !strings.Contains(err.Error(), "node is not installed") {
		t.Errorf("no node: error %v", err)
	}
	if err := start(func(o *Options) { o.Bin = "" }); err == nil || !strings.Contains(err.Error(), "is not installed") {
		t.Errorf("no go: error %v", err)
	}
}
