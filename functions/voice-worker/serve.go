package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/endofcall"
	"example.com/aurora/shared/usecase/phonecall"
)

// handlers do the tasks of each kind.
type handlers map[aurora.PhoneTaskKind]func(context.Context, aurora.PhoneTask) error

func newHandlers(w *phonecall.Worker, finisher *endofcall.Service) handlers {
	return handlers{
		aurora.PhoneTaskContinue: w.Continue,
		aurora.PhoneTaskDigits:   w.Digits,
		aurora.PhoneTaskSilence:  w.Silence,
		aurora.PhoneTaskKeepOpen: w.KeepOpen,
		aurora.PhoneTaskClose:    w.Close,
		aurora.PhoneTaskMachine:  w.Machine,
		aurora.PhoneTaskFinish:   func(ctx context.Context, task aurora.PhoneTask) error { return finisher.Finish(ctx, task.CallSID) },
	}
}

// taskSender sends tasks.
type taskSender interface {
	Send(ctx context.Context, task aurora.PhoneTask, delay time.Duration) error
}

// A task that failed is sent again: the queue itself would deliver it after half an hour, when its call may be over.
const (
	maxFailures = 3
	retryDelay  = 5 * time.Second
)

// serve returns the handler of one message. A message that is no task fails until it is a dead letter: a later version may know its
// kind.
func serve(h handlers, tasks taskSender) func(context.Context, sqs.Message) error {
	return func(ctx context.Context, m sqs.Message) error {
		var task aurora.PhoneTask
		if err := json.Unmarshal([]byte(m.Body), &task); err != nil {
			return fmt.Errorf("read phone task: %w", err)
		}
		if !aurora.IsCallSID(task.CallSID) {
			return fmt.Errorf("read phone task: %q is no call's sid", task.CallSID)
		}
		aurora.LogCall(ctx, task.CallSID)
		do, ok := h[task.Kind]
		if !ok {
			return fmt.Errorf("read phone task: the kind %q is not known", task.Kind)
		}
		err := do(ctx, task)
		if err == nil || task.Failures >= maxFailures {
			return err
		}
		task.Failures++
		if sendErr := tasks.Send(ctx, task, time.Duration(task.Failures)*retryDelay); sendErr != nil {
			return errors.Join(err, sendErr)
		}
		metric.CountFailure(ctx, "MessageFailed", err)
		slog.ErrorContext(ctx, "task failed and was sent again", "event", "phone.task_retried", "kind", task.Kind, "failures", task.Failures, "error", err)
		return nil
	}
}

// readPrice returns an amount of a setting, in US dollars; nil if it is empty.
func readPrice(s *lambdaapp.Settings, name, value string) *aurora.MicroUSD {
	if value == "" {
		return nil
	}
	amount, err := aurora.ParseUSD(value)
	s.Reject(name, err)
	return &amount
}
