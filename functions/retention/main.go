// Command retention deletes, once a day, what assistants keep for a shorter time than the deployment.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/retention"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	most := time.Duration(s.PositiveInt("RETENTION_DAYS", 400)) * 24 * time.Hour
	sweeper := &retention.Sweeper{
		Assistants: dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now),
		Bucket:     s3.New(lambdaapp.AWSConfig, s.Required("BUCKET")),
		Rows:       dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), most),
		Most:       most,
		Now:        time.Now,
	}
	lambdaapp.Start(s, serve(sweeper))
}
