// Command webhook answers voice providers: which assistant takes a call, where it may be transferred, and that a report
// is safe.
package main

import (
	"os"
	"time"

	"aurora/shared/assemble/toolbox"
	"aurora/shared/boot"
	"aurora/shared/bucket"
	"aurora/shared/dialing"
	"aurora/shared/dynamo"
	"aurora/shared/queue"
	"aurora/shared/webhook"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	f := function(&webhook.Receiver{
		Assistants: dynamo.NewAssistants(boot.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Keeper:     webhook.Keeper{Objects: bucket.New(boot.AWS, s.Required("BUCKET")), Now: time.Now, Count: boot.Count},
		Queue:      queue.New(boot.AWS, s.Required("RAW_QUEUE_URL")),
		Tools:      toolbox.Read(s).ForProvider(),
		Outbound:   dialing.ReadCampaigns(s),
	})
	boot.Start(s, f.Invoke)
}
