package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openedLink is what came of a report link.
type openedLink struct {
	status int
	page   string
}

func (o openedLink) isReport() bool {
	return o.status == http.StatusOK && strings.Contains(o.page, "<main") && !strings.Contains(o.page, `name="token"`)
}

// openReport opens a link as the page behind it does.
func openReport(t *testing.T, link string) openedLink {
	t.Helper()
	resp, err := openLink(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return openedLink{resp.StatusCode, string(page)}
}

// newReportLink makes a report and returns its link.
func (b *testStack) newReportLink(t *testing.T, assistant, until string) string {
	t.Helper()
	_, body := b.post(t, b.info.API+"/api/reports/aurora-report/weekly", `{"ASSISTANT_ID":"`+assistant+`","until":"`+until+`"}`,
		"BINARYTINT-INTERNAL-API-KEY", b.info.Keys["BINARYTINT_INTERNAL_API_KEY"])
	var made madeReport
	if err := json.Unmarshal([]byte(body), &made); err != nil || !strings.Contains(made.Report.Link, "/api/reports/view#") {
		t.Fatalf("the report has no link: %s", body)
	}
	return made.Report.Link
}

// reportLinks opens, revokes and misuses the links of reports, and searches all logs for them at the end.
func (b *testStack) reportLinks(t *testing.T, do func(args ...string) (string, error)) {
	first, second := b.newReportLink(t, riley, "2026-11-16"), b.newReportLink(t, riley, "2026-11-09")
	earlier := func(link string) string { return strings.Replace(link, "#", "/", 1) } // the form of links in mails of earlier versions
	for name, link := range map[string]string{"a link": first, "another report's link": second} {
		if o := openReport(t, link); !o.isReport() {
			t.Errorf("%s does not open: %d %.300s", name, o.status, o.page)
		}
		if resp, page := b.get(t, earlier(link)); resp.StatusCode != http.StatusOK || !strings.Contains(page, "<main") {
			t.Errorf("%s of the earlier form does not open: %s %.300s", name, resp.Status, page)
		}
	}
	if resp, page := b.get(t, first); resp.StatusCode != http.StatusOK || !strings.Contains(page, `name="token"`) || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the page behind a link: %s %v %.300s", resp.Status, resp.Header, page)
	}
	b.misuseLink(t, first)

	for name, args := range map[string][]string{"neither": {}, "both": {"-report", first, "-all", "1"}, "no number": {"-report", "riley"},
		"no such report": {"-report", riley + "/weekly/2020-01-06T0000"}, "no link": {"-report", b.info.API + "/api/reports/view#AQ"}} {
		if said, err := do(append([]string{"revoke-links"}, args...)...); err == nil {
			t.Errorf("revoke-links with %s says %s, want an error", name, said)
		}
	}
	if said, err := do("revoke-links", "-report", riley+"/weekly/2026-11-16T0000"); err != nil || strings.Contains(said, "api/reports/view") {
		t.Fatalf("revoke-links by number (%v) says %s", err, said)
	}
	mustEnd := func(when, link string) {
		t.Helper()
		if o := openReport(t, link); o.status != http.StatusUnauthorized || !strings.Contains(o.page, "invalid_link") {
			t.Errorf("%s: the link is answered with %d %.300s, want 401", when, o.status, o.page)
		}
		if resp, _ := b.get(t, earlier(link)); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the link of the earlier form is answered with %s, want 401", when, resp.Status)
		}
	}
	mustEnd("after its report's links were revoked", first)
	if o := openReport(t, second); !o.isReport() {
		t.Errorf("the link of another report ended too: %d %.300s", o.status, o.page)
	}
	// A link that is made in the second of the revocation is revoked as well.
	again := b.newReportLink(t, riley, "2026-11-16")
	for deadline := time.Now().Add(20 * time.Second); !openReport(t, again).isReport(); again = b.newReportLink(t, riley, "2026-11-16") {
		if time.Now().After(deadline) {
			t.Fatal("the report was made again and its new link does not open")
		}
	}
	mustEnd("after the report was made again", first)
	if said, err := do("revoke-links", "-report", second); err != nil || strings.Contains(said, second) {
		t.Fatalf("revoke-links by a link (%v) says %s", err, said)
	}
	mustEnd("after revoke-links with the link itself", second)
	if said, err := do("revoke-links", "-all", "1"); err != nil || !strings.Contains(said, "all reports") {
		t.Fatalf("revoke-links of all (%v) says %s", err, said)
	}
	mustEnd("after all links were revoked", again)
	b.mustNotLog(t, first, second, again)
}

// misuseLink sends a link's token in every way that is answered with an error.
func (b *testStack) misuseLink(t *testing.T, link string) {
	t.Helper()
	_, token, _ := strings.Cut(link, "#")
	const view = "/api/reports/view/"
	for _, path := range []string{view + token + "/", view + token + "/x", view + token + "x", view + token + "%0A", view + "%20" + token, view + token + "?token=" + token, "/" + token,
		"/api/v1/openai/models/" + token, "/api/reports/view?token=" + token} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodHead} {
			for _, base := range []string{b.info.API, strings.TrimSuffix(b.info.FunctionURLs["ChatCompletionsFunction"], "/")} {
				request, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Referer", link)
				response, err := http.DefaultTransport.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
			}
		}
	}
	for _, given := range []string{token + "x", token[:len(token)-1], token + "\n" + token, strings.Repeat(token, 200)} {
		if resp, body := b.post(t, b.info.API+"/api/reports/view", url.Values{"token": {given}}.Encode(), "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode < 400 {
			t.Errorf("the token %.20s… of %d bytes: %s %s", given, len(given), resp.Status, body)
		}
	}
}

// mustNotLog checks that no log holds the token of a link, or the address in the bucket that a link led to.
func (b *testStack) mustNotLog(t *testing.T, links ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.data, "logs", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no logs to search: %v", err)
	}
	served := false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		served = served || strings.Contains(string(text), `"path":"/api/reports/view/{token}"`)
		for _, link := range links {
			_, token, _ := strings.Cut(link, "#")
			for what, secret := range map[string]string{"the token of a link": token[:len(token)-8], "the signature of a token": token[len(token)-40:], "a signed address": "X-Amz-Signature="} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s holds %s", filepath.Base(file), what)
				}
			}
		}
	}
	if !served {
		t.Error("no log names the route of the links, so the search found nothing to search")
	}
}
