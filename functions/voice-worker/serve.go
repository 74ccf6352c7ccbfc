package main

import (
	"context"
	"encoding/json"
	"fmt"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
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

// serve returns the handler of one message. A message that is no task fails until it is a dead letter: a later version may know its
// kind.
func serve(h handlers) func(context.Context, sqs.Message) error {
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
		return do(ctx, task)
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
