// Command message-incoming takes the text messages that people send to our numbers, and Twilio's reports of our answers.
package main

import (
	"context"
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/textapi"
	"example.com/aurora/shared/usecase/textmessage"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	table := s.Required("LEDGER_TABLE")
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, table, time.Now)
	assistants := dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now)
	secrets, secret := secretsmanager.New(lambdaapp.AWSConfig, time.Now), s.Required("TWILIO_SECRET")
	client := twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return secrets.Secret(ctx, secret) },
		BaseURL:     s.Optional("TWILIO_BASE_URL", ""),
	})
	publicURL := s.Optional("PUBLIC_URL", "")
	receiver := &textmessage.Receiver{
		Assistants:    assistants,
		DoNotCallList: ledger,
		Queue:         sqs.New(lambdaapp.AWSConfig, s.Required("MESSAGES_QUEUE_URL")),
	}
	reports := &textmessage.StatusReceiver{Reports: dynamo.NewTexts(lambdaapp.AWSConfig, table, time.Now), DoNotCallList: ledger}
	lambdaapp.Start(s, serve(textapi.MessageHandler(client, receiver, publicURL), textapi.StatusHandler(client, reports, publicURL)).Invoke,
		secrets.Open(secret), ledger.Open, assistants.Open)
}
