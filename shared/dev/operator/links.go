package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
)

// revokeLinks ends the links of one report, or all links, that were made until now.
func (p *program) revokeLinks(ctx context.Context) error {
	f := p.flags("revoke-links")
	report := f.String("report", "", "the number of a report, or one of its links")
	all := f.String("all", "", "1 ends the links of all reports")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if (*report == "") == (*all == "") {
		return errors.New("name one report or all: make revoke-links REPORT=<number or link> [STAGE=prod], or make revoke-links ALL=1 [STAGE=prod]")
	}
	name := reportNumber(*report)
	key, err := auth.RevocationKey(name)
	if *report != "" && (err != nil || name == "") {
		return errors.New("REPORT must be the number at the end of the report and of its mail, such as <assistant>/weekly/2026-11-23T0000, or one of its links")
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	bucket, err := s.bucketName(ctx)
	if err != nil {
		return err
	}
	objects := s3.New(s.awsConfig("s3"), bucket)
	if name != "" {
		if _, _, err := objects.Read(ctx, aurora.ReportsPrefix+name+"/"+aurora.ReportJSONName); err != nil {
			return fmt.Errorf("there is no report %s in the bucket %s: %w", name, bucket, err)
		}
	}
	body, err := json.Marshal(map[string]string{"revokedAt": time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	if err := objects.Put(ctx, key, "application/json", body); err != nil {
		return err
	}
	which := "all reports"
	if name != "" {
		which = "the report " + name
	}
	p.printLine("The links to %s that were made until now open nothing from now on.", which)
	p.printLine("A report that is made again has new links. A page that a link opened in the last five minutes may still load.")
	return nil
}

// reportNumber returns the number of the report in what an operator gives: a number, an object key, an s3:// address, or a link,
// whose token holds the object key.
func reportNumber(given string) string {
	if strings.Contains(given, "/api/reports/view") {
		return aurora.ReportNumber(auth.UnverifiedObject(auth.TokenIn(given)))
	}
	if u, err := url.Parse(given); err == nil && u.Scheme == "s3" {
		given = u.Path
	}
	return strings.TrimPrefix(strings.Trim(given, "/"), "reports/")
}
