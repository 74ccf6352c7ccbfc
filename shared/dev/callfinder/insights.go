package callfinder

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Insights are the logs of a deployed stage in CloudWatch, which are searched with Logs Insights.
type Insights struct {
	Client *cloudwatchlogs.Client
	Stage  string
	Since  time.Duration // how far back lines are searched for
	Now    func() time.Time
	// Wait is the time between two questions for a result.
	Wait time.Duration
}

const (
	maxGroups  = 50    // log groups of one query
	maxResults = 10000 // lines of one query, the most that Logs Insights returns
	maxTexts   = 100   // of one query, so that its text stays below the limit of 10,000 characters
)

// searchable are the ids that can stand in a query. Other ones are not in the log in this form.
var searchable = regexp.MustCompile(`^[A-Za-z0-9_.:@/-]{1,90}$`)

// Lines returns the lines that contain one of the texts.
func (i *Insights) Lines(ctx context.Context, texts []string) (found []Line, err error) {
	groups, err := i.groups(ctx)
	if err != nil {
		return nil, err
	}
	var filters []string
	for _, s := range texts {
		if searchable.MatchString(s) {
			filters = append(filters, fmt.Sprintf("@message like %q", s))
		}
	}
	for first := 0; first < len(filters); first += maxTexts {
		query := fmt.Sprintf("fields @timestamp, @log, @message | filter %s | sort @timestamp asc | limit %d",
			strings.Join(filters[first:min(first+maxTexts, len(filters))], " or "), maxResults)
		for group := 0; group < len(groups); group += maxGroups {
			lines, err := i.query(ctx, groups[group:min(group+maxGroups, len(groups))], query)
			if err != nil {
				return nil, err
			}
			found = append(found, lines...)
		}
	}
	return found, nil
}

// groups returns the names of the stage's log groups.
func (i *Insights) groups(ctx context.Context) (names []string, err error) {
	prefix := "/aurora/" + i.Stage + "/"
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(i.Client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the log groups: %w", err)
		}
		for _, group := range page.LogGroups {
			names = append(names, aws.ToString(group.LogGroupName))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no log group %s…: is the stage's name right?", prefix)
	}
	return names, nil
}

// query runs one query and waits for its result.
func (i *Insights) query(ctx context.Context, groups []string, query string) ([]Line, error) {
	now := i.Now()
	started, err := i.Client.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{LogGroupNames: groups, QueryString: &query,
		StartTime: aws.Int64(now.Add(-i.Since).Unix()), EndTime: aws.Int64(now.Unix())})
	if err != nil {
		return nil, fmt.Errorf("start a query: %w", err)
	}
	for {
		result, err := i.Client.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId})
		if err != nil {
			return nil, fmt.Errorf("read the result of a query: %w", err)
		}
		switch result.Status {
		case types.QueryStatusComplete:
			if len(result.Results) == maxResults {
				return nil, fmt.Errorf("more than %d lines match: choose an id of the call itself, or a shorter time with SINCE", maxResults)
			}
			return parseResults(result.Results), nil
		case types.QueryStatusFailed, types.QueryStatusCancelled, types.QueryStatusTimeout:
			return nil, fmt.Errorf("the query ended as %s", result.Status)
		}
		timer := time.NewTimer(i.Wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// parseResults reads the lines of a result.
func parseResults(results [][]types.ResultField) (lines []Line) {
	for _, fields := range results {
		values := map[string]string{}
		for _, f := range fields {
			values[aws.ToString(f.Field)] = aws.ToString(f.Value)
		}
		at, _ := time.Parse("2006-01-02 15:04:05.000", values["@timestamp"]) // a time that cannot be read is not known
		if l, ok := ParseLine(path.Base(values["@log"]), values["@message"], at); ok {
			lines = append(lines, l)
		}
	}
	return lines
}
