// Command webhook answers voice providers: which assistant takes a call, where it may be transferred, and that a report
// is safe.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/toolwiring"
	"example.com/aurora/shared/usecase/webhook"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	f := function(&webhook.Receiver{
		Assistants: dynamo.NewAssistants(lambdaapp.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Keeper:     webhook.Keeper{Objects: s3.New(lambdaapp.AWS, s.Required("BUCKET")), Now: time.Now, Count: lambdaapp.Count},
		Queue:      sqs.New(lambdaapp.AWS, s.Required("RAW_QUEUE_URL")),
		Tools:      toolwiring.Read(s).ForProvider(),
		Outbound:   callwiring.ReadCampaigns(s),
	})
	lambdaapp.Start(s, f.Invoke)
}
