package lambdaapp

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/safego"
)

// openTimeout bounds the opening of all connections. A service that is away must not hold up a start: the first request tries again.
// Within a region it takes a tenth of this.
const openTimeout = 400 * time.Millisecond

// Connection opens the connection to one service that the first request of a function needs, and may read what that request needs
// from it. It must end with its context. It changes nothing at the service.
type Connection func(ctx context.Context) error

// openConnections opens connections, all at the same time. A connection that cannot be opened is logged and nothing more: the
// request that needs it opens it, and reports an error of its own.
func openConnections(ctx context.Context, connections []Connection, now func() time.Time) {
	if len(connections) == 0 {
		return
	}
	began := now()
	limited, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	failed := 0
	for _, err := range safego.Each(limited, len(connections), len(connections), func(i int) error { return connections[i](limited) }) {
		if err != nil {
			failed++
			slog.WarnContext(ctx, "connection not opened at the start; the first request tries again", "event", "connection.not_opened", "error", err)
		}
	}
	slog.InfoContext(ctx, "connections opened", "event", "connections.opened", "opened", len(connections)-failed, "failed", failed,
		"ms", float64(now().Sub(began).Microseconds())/1000)
}
