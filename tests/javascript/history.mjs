// Writes and reads sessions with `@langchain/community`: node history.mjs write|read URL TOKEN SESSION...
// Prints a list for each session: its messages, or its error.
import { UpstashRedisChatMessageHistory } from "@langchain/community/stores/message/upstash_redis";
import {
  AIMessage,
  ChatMessage,
  FunctionMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";

const MESSAGES = [
  new SystemMessage("Be brief."),
  new HumanMessage({
    content: [
      { type: "text", text: "What is this? ✓" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
    ],
    name: "ann",
    id: "h1",
  }),
  new AIMessage({
    content: "",
    tool_calls: [{ name: "look", args: { where: "here" }, id: "c1", type: "tool_call" }],
    invalid_tool_calls: [{ name: "look", args: "{", id: "c2", error: "not JSON" }],
    usage_metadata: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
    response_metadata: { model_name: "small" },
    id: "a1",
  }),
  new ToolMessage({ content: "a square", tool_call_id: "c1", name: "look", artifact: { n: 1 } }),
  new FunctionMessage({ content: "4", name: "add" }),
  new ChatMessage({ content: "Really?", role: "critic", id: "g1" }),
  new AIMessage("A square."),
];

const [verb, url, token, ...sessionIds] = process.argv.slice(2);
const found = [];
for (const sessionId of sessionIds) {
  const history = new UpstashRedisChatMessageHistory({ sessionId, config: { url, token } });
  if (verb === "write") await history.addMessages(MESSAGES);
  try {
    found.push((await history.getMessages()).map(message => message.toDict()));
  } catch (error) {
    found.push(String(error));
  }
}
console.log(JSON.stringify(found));
