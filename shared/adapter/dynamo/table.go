package dynamo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"
)

// lazyTable returns a table. The first call makes its client.
type lazyTable func() (dynamo.Table, error)

// openTable returns a lazyTable; options change the client's settings.
func openTable(config func() (aws.Config, error), name string, options ...func(*dynamodb.Options)) lazyTable {
	return sync.OnceValues(func() (dynamo.Table, error) {
		cfg, err := config()
		if err != nil {
			return dynamo.Table{}, fmt.Errorf("configure DynamoDB: %w", err)
		}
		return dynamo.New(cfg, options...).Table(name), nil
	})
}

// connectionKey is a key that no item has.
const connectionKey = "connection"

// open opens the connection to DynamoDB by a read of an item that does not exist, which costs half a read unit.
func (t lazyTable) open(ctx context.Context, key string) error {
	table, err := t()
	if err != nil {
		return err
	}
	var item dynamo.Item
	if err := table.Get(key, connectionKey).One(ctx, &item); err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return fmt.Errorf("open table %s: %w", table.Name(), err)
	}
	return nil
}

// attributeToJSON converts an attribute to a value that encoding/json writes. Numbers keep every digit. Sets become sorted
// lists.
func attributeToJSON(v types.AttributeValue) any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return json.Number(v.Value)
	case *types.AttributeValueMemberBOOL:
		return v.Value
	case *types.AttributeValueMemberB:
		return base64.StdEncoding.EncodeToString(v.Value)
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, item := range v.Value {
			list[i] = attributeToJSON(item)
		}
		return list
	case *types.AttributeValueMemberM:
		return itemToJSON(v.Value)
	case *types.AttributeValueMemberSS:
		return slices.Sorted(slices.Values(v.Value))
	case *types.AttributeValueMemberNS:
		return slices.Sorted(slices.Values(v.Value))
	default:
		return nil
	}
}

func itemToJSON(item map[string]types.AttributeValue) map[string]any {
	m := make(map[string]any, len(item))
	for name, v := range item {
		m[name] = attributeToJSON(v)
	}
	return m
}

// attributeFromJSON converts a value that encoding/json has read, with UseNumber, to an attribute.
func attributeFromJSON(v any) types.AttributeValue {
	switch v := v.(type) {
	case string:
		return &types.AttributeValueMemberS{Value: v}
	case json.Number:
		return &types.AttributeValueMemberN{Value: v.String()}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}
	case []any:
		list := make([]types.AttributeValue, len(v))
		for i, item := range v {
			list[i] = attributeFromJSON(item)
		}
		return &types.AttributeValueMemberL{Value: list}
	case map[string]any:
		m := make(map[string]types.AttributeValue, len(v))
		for name, item := range v {
			m[name] = attributeFromJSON(item)
		}
		return &types.AttributeValueMemberM{Value: m}
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}

// decodeObject reads a JSON object. Numbers keep every digit.
func decodeObject(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	fields := map[string]any{}
	return fields, d.Decode(&fields)
}
