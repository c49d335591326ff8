package cli

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/api"
)

// fetch gets data from the API and prints it: with print if the output is a table, else as it is.
func fetch[T any](ctx context.Context, a *app, o *output, get func(context.Context, *api.Client) (T, error), print func(T) error) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	data, err := get(ctx, client)
	if err != nil {
		return err
	}
	if !o.table() {
		return o.data(data)
	}
	return print(data)
}
