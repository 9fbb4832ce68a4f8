// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
)

var _ backend.Versioner = (*Driver)(nil)

// Versioned asks whether the bucket keeps the versions of all its objects, as
// [backend.Versioner] says. Where versioning is suspended it does not, nor where
// MinIO is told to exclude some keys. A storage that does not know the question
// has no versions.
func (d *Driver) Versioned(ctx context.Context) (bool, error) {
	config, err := d.core.GetBucketVersioning(ctx, d.bucket)
	if minio.ToErrorResponse(err).Code == "NotImplemented" {
		return false, nil
	}
	if err != nil {
		return false, fault(ctx, "versioning of", d.bucket, err)
	}
	return config.Enabled() && len(config.ExcludedPrefixes) == 0 && !config.ExcludeFolders, nil
}
