import { parser } from "@prometheus-io/lezer-promql";

/** A metric as a query selects it. */
export interface Selected {
  readonly name: string;
  /** What its labels are compared with; alternatives of a regular expression one by one. */
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[];
  /** Labels that what is made of it is grouped by. */
  readonly groupedBy: readonly string[];
}

type Node = ReturnType<typeof parser.parse>["topNode"];

/** The metrics of a query. Throws when it is no PromQL. */
export function selectedBy(query: string): Selected[] {
  const tree = parser.parse(query);
  const text = ({ from, to }: Node): string => query.slice(from, to);
  const selected: Selected[] = [];
  tree.iterate({
    enter({ type, node }) {
      if (type.isError) throw new Error(`no PromQL at ${node.from}: ${query}`);
      if (type.name !== "VectorSelector") return;
      selected.push({
        name: text(node.getChild("Identifier")!),
        matchers: (node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? []).map((matcher) => ({
          label: text(matcher.getChild("LabelName")!),
          values: text(matcher.getChild("StringLiteral")!).slice(1, -1).split("|"),
        })),
        groupedBy: groupsAround(node).map(text),
      });
    },
  });
  return selected;
}

function groupsAround(node: Node): Node[] {
  const labels: Node[] = [];
  for (let around = node.parent; around !== null; around = around.parent) {
    const groups = around.getChild("AggregateModifier")?.getChild("GroupingLabels");
    labels.push(...(groups?.getChildren("LabelName") ?? []));
  }
  return labels;
}
