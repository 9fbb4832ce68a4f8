// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

// Logs what was read, and whether it was verified.
func ExampleHooks() {
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime}))
	bucket := newBucket(&backend.Options{Hooks: backend.Hooks{
		ReadEnded: func(r backend.ReadEnded) {
			logger.Info("read", "key", r.Key, "bytes", r.Bytes, "authenticated", r.Authenticated, "err", r.Err)
		},
	}})

	ctx := context.Background()
	if _, err := bucket.Put(ctx, "orders/1", strings.NewReader("attack at dawn"), -1, nil); err != nil {
		log.Fatal(err)
	}
	object, err := bucket.Get(ctx, "orders/1")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	if _, err := io.Copy(io.Discard, object); err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=INFO msg=read key=orders/1 bytes=14 authenticated=true err=<nil>
}
