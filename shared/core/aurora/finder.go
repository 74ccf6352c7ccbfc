package aurora

import "context"

// AssistantFinder finds stored assistants. Both methods return a fault.NotFound if there is none.
type AssistantFinder interface {
	ByID(ctx context.Context, id string) (Assistant, error)
	// ByNumber returns the assistant whose own number this is.
	ByNumber(ctx context.Context, number Phone) (Assistant, error)
}
