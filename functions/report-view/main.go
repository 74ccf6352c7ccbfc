// Command report-view opens the signed links of reports: it redirects them to their objects in the bucket.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/lambdaapp"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	bucket := s3.New(lambdaapp.AWSConfig, s.Required("BUCKET"))
	secrets := secretsmanager.New(lambdaapp.AWSConfig, time.Now)
	links := &auth.Links{Secrets: secrets, SecretName: s.Required("LINKS_SECRET"), Objects: bucket, Now: time.Now}
	lambdaapp.Start(s, serve(links, bucket).Invoke, secrets.Open(links.SecretName), bucket.Open)
}
