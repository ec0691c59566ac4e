package console

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var rewrite = flag.Bool("rewrite", false, "write docs/reference/http-api.md from openapi.yaml")

const apiFile = "../../docs/reference/http-api.md"

// The page of the HTTP API is what openapi.yaml says.
func TestAPIReference(t *testing.T) {
	t.Parallel()
	var root yaml.Node
	if err := yaml.Unmarshal(openAPI, &root); err != nil {
		t.Fatal(err)
	}
	api := root.Content[0]
	var b strings.Builder
	b.WriteString("# HTTP API of the console\n\nThis page is generated from [openapi.yaml](../../internal/console/openapi.yaml)" +
		" (`go test ./internal/console -run TestAPIReference -rewrite`): do not edit it.\n\n")
	fmt.Fprintf(&b, "%s\n\nPaths are below `%s`.\n", escaped(at(api, "info", "description").Value), at(api, "servers").Content[0].Content[1].Value)
	paths := at(api, "paths")
	for i := 0; i < len(paths.Content); i += 2 {
		operations := paths.Content[i+1]
		for j := 0; j < len(operations.Content); j += 2 {
			describeOperation(t, &b, api, strings.ToUpper(operations.Content[j].Value)+" "+paths.Content[i].Value, operations.Content[j+1])
		}
	}
	b.WriteString("\n## Schemas\n")
	schemas := at(api, "components", "schemas")
	for i := 0; i < len(schemas.Content); i += 2 {
		describeSchema(&b, schemas.Content[i].Value, schemas.Content[i+1])
	}
	if *rewrite {
		if err := os.WriteFile(apiFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/reference/http-api.md is not what openapi.yaml says: run go test ./internal/console -run TestAPIReference -rewrite")
	}
}

func describeOperation(t *testing.T, b *strings.Builder, api *yaml.Node, name string, operation *yaml.Node) {
	t.Helper()
	summary := at(operation, "summary")
	if summary == nil {
		t.Fatalf("%s has no summary", name)
	}
	fmt.Fprintf(b, "\n## %s\n%s.\n", name, escaped(summary.Value))
	if p := at(operation, "parameters"); p != nil {
		b.WriteString("\n| parameter | in | type | meaning |\n|---|---|---|---|\n")
		for _, x := range p.Content {
			x = resolved(api, x)
			parameter := "`" + text(at(x, "name")) + "`"
			if text(at(x, "required")) == "true" {
				parameter += " (required)"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", parameter, text(at(x, "in")), typeText(at(x, "schema")), escaped(text(at(x, "description"))))
		}
	}
	if body := at(operation, "requestBody", "content"); body != nil {
		fmt.Fprintf(b, "\nBody: %s.\n", contentText(body))
	}
	b.WriteString("\n| status | answer |\n|---|---|\n")
	responses := at(operation, "responses")
	for i := 0; i < len(responses.Content); i += 2 {
		r := resolved(api, responses.Content[i+1])
		answer := escaped(text(at(r, "description")))
		if content := at(r, "content"); content != nil {
			answer += ": " + contentText(content)
		}
		fmt.Fprintf(b, "| %s | %s |\n", responses.Content[i].Value, answer)
	}
}

func describeSchema(b *strings.Builder, name string, schema *yaml.Node) {
	fmt.Fprintf(b, "\n### %s\n", name)
	if d := text(at(schema, "description")); d != "" {
		fmt.Fprintf(b, "%s.\n", escaped(d))
	}
	properties := at(schema, "properties")
	if properties == nil {
		fmt.Fprintf(b, "%s.\n", typeText(schema))
		return
	}
	b.WriteString("\n| member | type | meaning |\n|---|---|---|\n")
	for i := 0; i < len(properties.Content); i += 2 {
		p := properties.Content[i+1]
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", properties.Content[i].Value, typeText(p), escaped(text(at(p, "description"))))
	}
}

// contentText is the type of each media type of a body.
func contentText(content *yaml.Node) string {
	var out []string
	for i := 0; i < len(content.Content); i += 2 {
		out = append(out, "`"+content.Content[i].Value+"`, "+typeText(at(content.Content[i+1], "schema")))
	}
	return strings.Join(out, "; ")
}

// typeText is a schema in a few words: a link to a named one, its type, or its members.
func typeText(schema *yaml.Node) string {
	if schema == nil {
		return ""
	}
	if ref := text(at(schema, "$ref")); ref != "" {
		name := ref[strings.LastIndex(ref, "/")+1:]
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	}
	if values := at(schema, "enum"); values != nil {
		return strings.Join(codes(values.Content), ", ")
	}
	if items := at(schema, "items"); items != nil {
		return "list of " + typeText(items)
	}
	if p := at(schema, "properties"); p != nil {
		var members []string
		for i := 0; i < len(p.Content); i += 2 {
			members = append(members, "`"+p.Content[i].Value+"` "+typeText(p.Content[i+1]))
		}
		return "object (" + strings.Join(members, "; ") + ")"
	}
	if more := at(schema, "additionalProperties"); more != nil && more.Kind == yaml.MappingNode {
		return "object of " + typeText(more)
	}
	out := text(at(schema, "type"))
	if kinds := at(schema, "type"); kinds != nil && kinds.Kind == yaml.SequenceNode {
		out = strings.Join(codes(kinds.Content), " or ")
	}
	if f := text(at(schema, "format")); f != "" {
		out += " (" + f + ")"
	}
	least, most, preset := text(at(schema, "minimum")), text(at(schema, "maximum")), text(at(schema, "default"))
	switch {
	case least != "" && most != "":
		out += ", " + least + " to " + most
	case least != "":
		out += ", at least " + least
	case most != "":
		out += ", at most " + most
	}
	if preset != "" {
		out += ", default " + preset
	}
	return out
}

func codes(all []*yaml.Node) (out []string) {
	for _, x := range all {
		out = append(out, "`"+x.Value+"`")
	}
	return out
}

// at returns the value at a path of keys; nil if there is none.
func at(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				next = n.Content[i+1]
			}
		}
		n = next
	}
	return n
}

func text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

// resolved follows a reference within the document.
func resolved(api, n *yaml.Node) *yaml.Node {
	if ref := text(at(n, "$ref")); ref != "" {
		return at(api, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return n
}

// escaped makes a text safe in a table and in HTML.
func escaped(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "{{", "{ {").Replace(strings.TrimSuffix(strings.Join(strings.Fields(text), " "), "."))
}
