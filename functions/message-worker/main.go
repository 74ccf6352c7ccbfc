// Command message-worker answers the text messages that wait in the queue.
package main

import (
	"os"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/textwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	w, connections := textwiring.ReadWorker(s)
	lambdaapp.Start(s, sqs.ConsumeGroups(serve(w)), connections...)
}
