// What the page says. Every key is in both languages; a test compares them.
export const TEXTS = {
  en: {
    title: "Models", models: "What they do", key: "API key", language: "Language", versions: "Versions",
    send: "Ask", stop: "Stop", skip: "To the model", shortcut: "Ctrl+Enter asks, too", options: "Options",
    version: "version", milliseconds: "ms", none: "No model is loaded.", nothing: "Nothing found.", default: "default",
    generate: "Continue a text", chat: "Chat", rewrite: "Translate or summarise", entities: "Names in a text",
    classify: "Classify", mask: "Fill blanks", embed: "Search by meaning", answer: "Answer questions",
    pair: "Compare two texts", other: "Ask the model", text: "Text", question: "Question", context: "Context",
    text_pair: "Second text", lines: "Lines to search, one a line", query: "What to search for", user: "Your message",
    system: "Instruction", labels: "Labels, one a line", score: "Score", label: "Label", result: "Result",
    unanswered: "The text does not answer it.", cut: "The beginning or the end was not read: the text is too long.",
    you: "You", assistant: "Assistant", clear: "New conversation", tokens: "tokens", stopped: "stopped",
    blank: "Blank", noVersion: "Choose a version.", failed: "No answer:", name: "Output", value: "Value",
  },
  zh: {
    title: "模型", models: "功能", key: "API 密钥", language: "语言", versions: "版本",
    send: "提交", stop: "停止", skip: "跳到模型", shortcut: "也可按 Ctrl+Enter", options: "选项",
    version: "版本", milliseconds: "毫秒", none: "没有已加载的模型。", nothing: "没有找到。", default: "默认",
    generate: "续写文本", chat: "对话", rewrite: "翻译或摘要", entities: "识别实体",
    classify: "分类", mask: "填空", embed: "语义搜索", answer: "问答",
    pair: "比较两段文本", other: "询问模型", text: "文本", question: "问题", context: "上下文",
    text_pair: "第二段文本", lines: "待搜索的文本，每行一条", query: "搜索内容", user: "您的消息",
    system: "指令", labels: "标签，每行一个", score: "得分", label: "标签", result: "结果",
    unanswered: "文中没有答案。", cut: "文本过长，开头或结尾未被读取。",
    you: "您", assistant: "助手", clear: "新对话", tokens: "个词元", stopped: "已停止",
    blank: "空格", noVersion: "请选择一个版本。", failed: "没有回答：", name: "输出", value: "值",
  },
};
