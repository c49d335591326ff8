package server

import (
	"net/netip"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// schemaRegistry makes the schemas of types. Types of package model that are text or a
// number in JSON have the schema of those.
func schemaRegistry() huma.Registry {
	r := huma.NewMapRegistry(schemaPrefix, schemaName)
	r.RegisterTypeAlias(reflect.TypeFor[netip.Addr](), reflect.TypeFor[string]())
	r.RegisterTypeAlias(reflect.TypeFor[model.VNI](), reflect.TypeFor[int]())
	r.RegisterTypeAlias(reflect.TypeFor[model.TargetPort](), reflect.TypeFor[int]())
	r.RegisterTypeAlias(reflect.TypeFor[model.NodePort](), reflect.TypeFor[int]())
	r.RegisterTypeAlias(reflect.TypeFor[model.FloodLimit](), reflect.TypeFor[int]())
	return r
}

// schemaName names the schema of a type. An api.Resource goes by its kind.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for _, k := range api.Kinds() {
		name = strings.ReplaceAll(name, "Resource"+string(k)+"Spec"+string(k)+"Status", string(k))
	}
	return name
}

// describeKind adds to the schema of a kind what reflection cannot find out.
func (s *Server) describeKind(kind api.Kind, name string) {
	properties := s.api.OpenAPI().Components.Schemas.Map()[string(kind)].Properties
	word := properties["kind"]
	word.Description, word.Enum, word.Examples = "Always "+string(kind), []any{string(kind)}, []any{string(kind)}
	properties["name"].Description, properties["name"].Examples = "Name of the "+kind.Lower(), []any{name}
}

// finishKinds adds what reflection cannot find out: an Object is of one of the kinds.
func finishKinds(schemas map[string]*huma.Schema) {
	mapping := map[string]string{}
	var all []any
	var oneOf []*huma.Schema
	for _, k := range api.Kinds() {
		mapping[string(k)] = schemaPrefix + string(k)
		oneOf = append(oneOf, &huma.Schema{Ref: schemaPrefix + string(k)})
		all = append(all, string(k))
	}
	*schemas["Object"] = huma.Schema{
		Description:   "A declared object of any kind",
		OneOf:         oneOf,
		Discriminator: &huma.Discriminator{PropertyName: "kind", Mapping: mapping},
	}
	schemas["Key"].Properties["kind"].Enum = all
	for _, value := range []*huma.Schema{schemas["ServicePort"].Properties["targetPort"], schemas["ServicePort"].Properties["nodePort"], schemas["NetworkSpec"].Properties["floodLimit"]} {
		value.Type, value.Format, value.OneOf = "", "", []*huma.Schema{{Type: huma.TypeInteger}, {Type: huma.TypeString}}
	}
}
