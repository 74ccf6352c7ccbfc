package emulator

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/fakesecretsmanager"
	"example.com/aurora/shared/dev/fakeses"
	"example.com/aurora/shared/dev/fakesqs"
	"example.com/aurora/shared/dev/faketwilio"
)

// startStores starts the fakes, takes the addresses of real services from the environment, and creates the template's
// resources.
func (s *Stack) startStores(ctx context.Context) error {
	for _, service := range services {
		if address := lookupEnv(s.options.Environ, service.variable); address != "" {
			s.info.Endpoints[service.name] = address
		}
	}
	dynamo := make(chan error, 1)
	var address string
	if s.info.Endpoints["dynamodb"] == "" {
		s.tasks.run("starting dynalite", func() {
			var err error
			address, err = s.startDynamo(ctx)
			dynamo <- err
		})
	} else {
		dynamo <- nil
	}
	err := s.startFakes()
	broken := <-dynamo
	if s.dynamoStop != nil {
		s.onStop(s.dynamoStop)
	}
	if broken != nil {
		return broken
	}
	if err != nil {
		return err
	}
	if address != "" {
		s.info.Endpoints["dynamodb"] = address
	}
	return s.provision(ctx)
}

func (s *Stack) startDynamo(ctx context.Context) (string, error) {
	log, err := openLog(filepath.Join(s.options.Data, "logs"), "dynalite", s.println)
	if err != nil {
		return "", err
	}
	data, err := filepath.Abs(filepath.Join(s.options.Data, "dynamodb"))
	if err != nil {
		return "", err
	}
	environment := []string{"PATH=" + lookupEnv(s.options.Environ, "PATH"), "HOME=" + data, "TZ=UTC"}
	child, life, address, err := startDynalite(ctx, s.launcher, s.options.clientsFolder, data, environment, log)
	if err != nil {
		_ = log.Close()
		return "", err
	}
	s.tasks.run("watching dynalite", func() {
		select {
		case <-child.exited:
			s.fail(fmt.Errorf("dynalite ended (%s); read %s", child.exitReason(), log.path))
		case <-s.ctx.Done():
		}
	})
	s.dynamoStop = func(context.Context) error {
		_ = life.Close()
		child.stop()
		return log.Close()
	}
	return address, nil
}

// serveFake serves a fake on a free port.
func (s *Stack) serveFake(name string, handler http.Handler) error {
	listener, err := listenLoopback()
	if err != nil {
		return err
	}
	s.info.Endpoints[name] = s.serve(name, listener, handler)
	return nil
}

// startFakes starts the fakes that run in this process.
func (s *Stack) startFakes() error {
	data := s.options.Data
	if s.info.Endpoints["sqs"] == "" {
		server, err := fakesqs.Open(fakesqs.Options{Path: filepath.Join(data, "sqs.db"), Region: region, Account: account})
		if err != nil {
			return err
		}
		s.onStop(func(context.Context) error { return server.Close() })
		if err := s.serveFake("sqs", server); err != nil {
			return err
		}
	}
	if s.info.Endpoints["secretsmanager"] == "" {
		server, err := fakesecretsmanager.Open(fakesecretsmanager.Options{Path: filepath.Join(data, "secrets.db"), Region: region, Account: account})
		if err != nil {
			return err
		}
		s.onStop(func(context.Context) error { return server.Close() })
		if err := s.serveFake("secretsmanager", server); err != nil {
			return err
		}
	}
	if s.info.Endpoints["s3"] == "" {
		store, err := openObjectStore(filepath.Join(data, "s3.db"), time.Now)
		if err != nil {
			return err
		}
		store.printf, store.publish = s.printf, s.publish
		s.objects = store
		s.onStop(func(context.Context) error { return store.Close() })
		if err := s.serveFake("s3", store); err != nil {
			return err
		}
	}
	for _, start := range []func() error{s.startFakeSES, s.startFakeTwilio, s.startFakeOpenAI} {
		if err := start(); err != nil {
			return err
		}
	}
	return nil
}

// startFakeSES starts the fake SES, which shows its mails on a page at its own address.
func (s *Stack) startFakeSES() error {
	if s.info.Endpoints["ses"] != "" {
		return nil
	}
	if err := s.serveFake("ses", fakeses.New(fakeses.Options{})); err != nil {
		return err
	}
	s.info.Mail = s.info.Endpoints["ses"]
	return nil
}

// startFakeTwilio starts the fake Twilio unless the environment has a real account.
func (s *Stack) startFakeTwilio() error {
	if base := lookupEnv(s.options.Environ, "TWILIO_BASE_URL"); base != "" {
		s.info.Endpoints["twilio"] = base
		return nil
	}
	account, given := twilioLoginFrom(s.options.Environ)
	if given {
		s.info.Endpoints["twilio"] = "https://api.twilio.com"
		return nil
	}
	if lookupEnv(s.options.Environ, "TWILIO_ACCOUNT_SID")+lookupEnv(s.options.Environ, "TWILIO_AUTH_TOKEN") != "" {
		s.printf("only one of TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN is set: the fake Twilio is used. Set both for a real account.")
	}
	public := cmp.Or(lookupEnv(s.options.Environ, "PUBLIC_URL"), s.info.API)
	server := faketwilio.New(faketwilio.Options{AccountSID: account.SID, AuthToken: account.Token, MessageURL: public + "/twilio/messages", VoiceURL: public + "/twilio/voice", StatusURL: public + "/twilio/voice/status",
		RelayAddress: func() string { return s.info.WebSocket }})
	if err := s.serveFake("twilio", server); err != nil {
		return err
	}
	s.onStop(func(context.Context) error { server.Close(); return nil }) // before its listener closes, because some responses are late on purpose
	return nil
}

// startFakeOpenAI starts the fake model unless the environment has a real one.
func (s *Stack) startFakeOpenAI() error {
	if base := lookupEnv(s.options.Environ, "OPENAI_BASE_URL"); base != "" {
		s.info.Endpoints["openai"] = base
		return nil
	}
	if lookupEnv(s.options.Environ, "OPENAI_API_KEY") != "" {
		s.info.Endpoints["openai"] = "https://api.openai.com/v1"
		return nil
	}
	delay, _ := time.ParseDuration(lookupEnv(s.options.Environ, "STANDIN_OPENAI_DELAY")) // 0 stands for the fake's own delay
	model := fakeopenai.New(fakeopenai.Options{Delay: delay})
	if err := s.serveFake("openai", model); err != nil {
		return err
	}
	s.info.Endpoints["openai"] += "/v1"
	s.onStop(func(context.Context) error { model.Close(); return nil })
	return nil
}

// provision creates the template's tables, queues, bucket and secrets, and stores their addresses for !Ref and run.json.
func (s *Stack) provision(ctx context.Context) error {
	config, at := s.awsConfig(), s.info.Endpoints
	s.dynamo = dynamodb.NewFromConfig(config, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(at["dynamodb"]) })
	s.sqs = sqs.NewFromConfig(config, func(o *sqs.Options) { o.BaseEndpoint = aws.String(at["sqs"]) })
	s.secrets = secretsmanager.NewFromConfig(config, func(o *secretsmanager.Options) { o.BaseEndpoint = aws.String(at["secretsmanager"]) })
	s.s3 = s3.NewFromConfig(config, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = aws.String(at["s3"]), true })

	if err := createTables(ctx, s.dynamo, s.template, s.plan.tables, s.printf); err != nil {
		return err
	}
	for _, r := range s.plan.tables {
		s.info.Tables[shortName(r.logical, "Table")] = s.template.physicalName(r)
	}
	addresses, err := createQueues(ctx, s.sqs, s.template, s.plan.queues)
	if err != nil {
		return err
	}
	for logical, address := range addresses {
		s.template.refs[logical] = address
		if strings.HasSuffix(logical, "Queue") {
			s.info.Queues[shortName(logical, "Queue")] = address
		}
	}
	if err := s.provisionBuckets(ctx); err != nil {
		return err
	}
	arns, err := createSecrets(ctx, s.secrets, s.template, s.plan.secrets, runSecrets(s.options.Environ))
	if err != nil {
		return err
	}
	for logical, arn := range arns {
		s.template.refs[logical] = arn
	}
	s.info.Keys, err = readKeys(ctx, s.secrets, s.template, s.plan.secrets)
	return err
}

func (s *Stack) provisionBuckets(ctx context.Context) error {
	if err := createBuckets(ctx, s.s3, s.template, s.plan.buckets); err != nil {
		return err
	}
	for _, r := range s.plan.buckets {
		if s.info.Bucket == "" {
			s.info.Bucket = s.template.physicalName(r)
		}
		rules := notificationsOf(s.template, r)
		if s.objects == nil {
			if len(rules) > 0 {
				s.printf("%s is in a real S3: the emulator does not set up its notifications", r.logical)
			}
			continue
		}
		s.objects.notifications = append(s.objects.notifications, rules...)
		for _, rule := range rules {
			err := s.objects.doOnce("test "+rule.id+" "+rule.queue, func() error { return s.publish(ctx, rule.queue, s.objects.testNotification(rule.bucket)) })
			if err != nil {
				return fmt.Errorf("send the test notification to %s: %w", rule.queue, err)
			}
		}
	}
	return nil
}

// publish sends a message to the queue with the name in this ARN.
func (s *Stack) publish(ctx context.Context, arn string, body []byte) error {
	for _, r := range s.plan.queues {
		if strings.HasSuffix(arn, ":"+s.template.physicalName(r)) { // the plan was made before the account was known
			_, err := s.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(s.template.refs[r.logical]), MessageBody: aws.String(string(body))})
			return err
		}
	}
	return fmt.Errorf("no queue has the ARN %s", arn)
}
