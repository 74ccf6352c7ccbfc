package fakesqs

import (
	"context"
	"fmt"

	"example.com/aurora/shared/dev/fakeaws"
)

// moveTask is a message move task. It completes at once.
type moveTask struct {
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	Status                            string
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	StartedTimestamp                  int64
}

type moveRequest struct {
	SourceArn      string
	DestinationArn string
	MaxResults     int
}

func (s *Server) startMove(ctx context.Context, in moveRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.queues[queueNameOf(in.SourceArn)]
	if from == nil {
		return nil, fakeaws.Errorf("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if len(s.sourcesOf(ctx, from)) == 0 {
		return nil, invalidParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	now := s.now()
	task := moveTask{SourceArn: in.SourceArn, DestinationArn: in.DestinationArn, Status: "COMPLETED", StartedTimestamp: now.UnixMilli()}
	var changes []storeChange
	for _, m := range append([]*message(nil), from.messages...) {
		target := in.DestinationArn
		if target == "" {
			target = m.Source
		}
		to := s.queues[queueNameOf(target)]
		if to == nil || m.Visible.After(now) {
			continue // its source queue is unknown, or it is in flight: it stays
		}
		moved := s.moveMessage(from, to, m, now)
		moved[1].message.Source = ""
		changes = append(changes, moved...)
		task.ApproximateNumberOfMessagesMoved++
	}
	task.ApproximateNumberOfMessagesToMove = task.ApproximateNumberOfMessagesMoved
	if err := s.save(changes...); err != nil {
		return nil, fmt.Errorf("store the moved messages: %w", err)
	}
	s.moves = append(s.moves, task)
	return map[string]string{"TaskHandle": newID()}, nil
}

func (s *Server) listMoves(_ context.Context, in moveRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := []moveTask{}
	for i := len(s.moves) - 1; i >= 0 && len(results) < max(in.MaxResults, 1); i-- {
		if s.moves[i].SourceArn == in.SourceArn {
			results = append(results, s.moves[i])
		}
	}
	return map[string]any{"Results": results}, nil
}

func (s *Server) deadLetterSources(ctx context.Context, in queueRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return map[string]any{"queueUrls": s.sourcesOf(ctx, q)}, nil
}

// sourcesOf returns the URLs of the queues whose dead-letter queue this is. The caller holds the lock.
func (s *Server) sourcesOf(ctx context.Context, dead *queue) []string {
	urls := []string{}
	for _, name := range s.queueNames("") {
		if _, arn := s.queues[name].redrivePolicy(); queueNameOf(arn) == dead.name {
			urls = append(urls, s.url(ctx, s.queues[name]))
		}
	}
	return urls
}
