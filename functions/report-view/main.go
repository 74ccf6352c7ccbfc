// Command report-view opens the links of report mails.
package main

import (
	"os"
	"time"

	"aurora/shared/access"
	"aurora/shared/boot"
	"aurora/shared/bucket"
	"aurora/shared/secret"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	links := &access.Links{Secrets: secret.New(boot.AWS, time.Now), Name: s.Required("LINKS_SECRET"), Now: time.Now}
	boot.Start(s, serve(links, bucket.New(boot.AWS, s.Required("BUCKET"))).Invoke)
}
