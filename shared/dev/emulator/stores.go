package emulator

import (
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

// startStores starts what is played here, takes the addresses of what is real, and makes the template's resources.
func (s *Stack) startStores(ctx context.Context) error {
	for _, service := range services {
		if address := environ(s.options.Environ, service.variable); address != "" {
			s.info.Endpoints[service.name] = address
		}
	}
	dynamo := make(chan error, 1)
	var address string
	if s.info.Endpoints["dynamodb"] == "" {
		s.crew.run("starting dynalite", func() {
			var err error
			address, err = s.startDynamo(ctx)
			dynamo <- err
		})
	} else {
		dynamo <- nil
	}
	err := s.startOthers()
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
	log, err := openLog(filepath.Join(s.options.Data, "logs"), "dynalite", s.show)
	if err != nil {
		return "", err
	}
	data, err := filepath.Abs(filepath.Join(s.options.Data, "dynamodb"))
	if err != nil {
		return "", err
	}
	environment := []string{"PATH=" + environ(s.options.Environ, "PATH"), "HOME=" + data, "TZ=UTC"}
	child, life, address, err := startDynalite(ctx, s.launcher, s.options.clients, data, environment, log)
	if err != nil {
		_ = log.Close()
		return "", err
	}
	s.crew.run("watching dynalite", func() {
		select {
		case <-child.gone:
			s.breakDown(fmt.Errorf("dynalite ended (%s); %s says why", child.ended(), log.path))
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

// endpoint serves a stand-in on a free port.
func (s *Stack) endpoint(name string, handler http.Handler) error {
	listener, err := anywhere()
	if err != nil {
		return err
	}
	s.info.Endpoints[name] = s.serve(name, listener, handler)
	return nil
}

// startOthers starts the stand-ins that run in this process.
func (s *Stack) startOthers() error {
	data := s.options.Data
	if s.info.Endpoints["sqs"] == "" {
		server, err := fakesqs.Open(fakesqs.Options{Path: filepath.Join(data, "sqs.db"), Region: region, Account: account})
		if err != nil {
			return err
		}
		s.onStop(func(context.Context) error { return server.Close() })
		if err := s.endpoint("sqs", server); err != nil {
			return err
		}
	}
	if s.info.Endpoints["secretsmanager"] == "" {
		server, err := fakesecretsmanager.Open(fakesecretsmanager.Options{Path: filepath.Join(data, "secrets.db"), Region: region, Account: account})
		if err != nil {
			return err
		}
		s.onStop(func(context.Context) error { return server.Close() })
		if err := s.endpoint("secretsmanager", server); err != nil {
			return err
		}
	}
	if s.info.Endpoints["s3"] == "" {
		store, err := openObjects(filepath.Join(data, "s3.db"), time.Now)
		if err != nil {
			return err
		}
		store.tell, store.publish = s.tell, s.publish
		s.objects = store
		s.onStop(func(context.Context) error { return store.Close() })
		if err := s.endpoint("s3", store); err != nil {
			return err
		}
	}
	for _, start := range []func() error{s.startMail, s.startTelephone, s.startModel} {
		if err := start(); err != nil {
			return err
		}
	}
	return nil
}

// startMail starts the stand-in for the mail service, which shows its mails at its own address.
func (s *Stack) startMail() error {
	if s.info.Endpoints["ses"] != "" {
		return nil
	}
	if err := s.endpoint("ses", fakeses.New(fakeses.Options{})); err != nil {
		return err
	}
	s.info.Mail = s.info.Endpoints["ses"]
	return nil
}

// startTelephone starts the stand-in for Twilio, unless there is a real one.
func (s *Stack) startTelephone() error {
	if base := environ(s.options.Environ, "TWILIO_BASE_URL"); base != "" {
		s.info.Endpoints["twilio"] = base
		return nil
	}
	account, given := twilioAccount(s.options.Environ)
	if given {
		s.info.Endpoints["twilio"] = "https://api.twilio.com"
		return nil
	}
	if environ(s.options.Environ, "TWILIO_ACCOUNT_SID")+environ(s.options.Environ, "TWILIO_AUTH_TOKEN") != "" {
		s.tell("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN belong together: with one of them alone, Twilio is played here")
	}
	server := faketwilio.New(faketwilio.Options{AccountSID: account.SID, AuthToken: account.Token})
	if err := s.endpoint("twilio", server); err != nil {
		return err
	}
	s.onStop(func(context.Context) error { server.Close(); return nil }) // before its door: some answers are late on purpose
	return nil
}

// startModel starts the stand-in for the model, unless there is a real one.
func (s *Stack) startModel() error {
	if base := environ(s.options.Environ, "OPENAI_BASE_URL"); base != "" {
		s.info.Endpoints["openai"] = base
		return nil
	}
	if environ(s.options.Environ, "OPENAI_API_KEY") != "" {
		s.info.Endpoints["openai"] = "https://api.openai.com/v1"
		return nil
	}
	delay, _ := time.ParseDuration(environ(s.options.Environ, "STANDIN_OPENAI_DELAY")) // 0 is the model's own
	model := fakeopenai.New(fakeopenai.Options{Delay: delay})
	if err := s.endpoint("openai", model); err != nil {
		return err
	}
	s.info.Endpoints["openai"] += "/v1"
	s.onStop(func(context.Context) error { model.Close(); return nil })
	return nil
}

// provision makes the template's tables, queues, bucket and secrets, and learns their addresses.
func (s *Stack) provision(ctx context.Context) error {
	config, at := s.awsConfig(), s.info.Endpoints
	s.dynamo = dynamodb.NewFromConfig(config, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(at["dynamodb"]) })
	s.sqs = sqs.NewFromConfig(config, func(o *sqs.Options) { o.BaseEndpoint = aws.String(at["sqs"]) })
	s.secrets = secretsmanager.NewFromConfig(config, func(o *secretsmanager.Options) { o.BaseEndpoint = aws.String(at["secretsmanager"]) })
	s.s3 = s3.NewFromConfig(config, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = aws.String(at["s3"]), true })

	if err := makeTables(ctx, s.dynamo, s.template, s.plan.tables, s.tell); err != nil {
		return err
	}
	for _, r := range s.plan.tables {
		s.info.Tables[short(r.logical, "Table")] = s.template.name(r)
	}
	addresses, err := makeQueues(ctx, s.sqs, s.template, s.plan.queues)
	if err != nil {
		return err
	}
	for logical, address := range addresses {
		s.template.refs[logical] = address
		if strings.HasSuffix(logical, "Queue") {
			s.info.Queues[short(logical, "Queue")] = address
		}
	}
	if err := s.provisionBuckets(ctx); err != nil {
		return err
	}
	arns, err := makeSecrets(ctx, s.secrets, s.template, s.plan.secrets, givenSecrets(s.options.Environ))
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
	if err := makeBuckets(ctx, s.s3, s.template, s.plan.buckets); err != nil {
		return err
	}
	for _, r := range s.plan.buckets {
		if s.info.Bucket == "" {
			s.info.Bucket = s.template.name(r)
		}
		rules := notificationsOf(s.template, r)
		if s.objects == nil {
			if len(rules) > 0 {
				s.tell("%s is not played here: its notifications are its own affair", r.logical)
			}
			continue
		}
		s.objects.rules = append(s.objects.rules, rules...)
		for _, rule := range rules {
			err := s.objects.once("test "+rule.id+" "+rule.queue, func() error { return s.publish(ctx, rule.queue, s.objects.test(rule.bucket)) })
			if err != nil {
				return fmt.Errorf("telling %s about its bucket: %w", rule.queue, err)
			}
		}
	}
	return nil
}

// publish sends a message to a queue that is known by its ARN.
func (s *Stack) publish(ctx context.Context, arn string, body []byte) error {
	for _, r := range s.plan.queues {
		if s.template.arn(r) == arn {
			_, err := s.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(s.template.refs[r.logical]), MessageBody: aws.String(string(body))})
			return err
		}
	}
	return fmt.Errorf("no queue has the ARN %s", arn)
}
