//! The entries for the pinned schema.

use super::{Description, FixUp, fix_up};

/// The schema lost `rename_all_fields` on these variants: the runtime writes camelCase.
pub(super) const FIX_UPS: &[FixUp] = &[
    fix_up("AccountSessionsSwitchResponse", "auth_url", "authUrl"),
    fix_up("AccountSessionsSwitchResponse", "login_id", "loginId"),
    fix_up("ThreadRealtimeItem", "item_id", "itemId"),
    fix_up("ThreadRealtimeItem", "turn_id", "turnId"),
    fix_up("ThreadTimelineEntry", "completed_at", "completedAt"),
    fix_up("ThreadTimelineEntry", "duration_ms", "durationMs"),
    fix_up("ThreadTimelineEntry", "started_at", "startedAt"),
    fix_up("ThreadTimelineEntry", "turn_id", "turnId"),
];

/// Maps of which the schema lost what they hold.
pub(super) const LOST_MAPS: &[(&str, &str)] =
    &[("AppLinksConfig", "AppLinkConfig"), ("AppToolsConfig", "AppToolConfig")];

/// Methods whose response is not named after their params or themselves.
pub(super) const RESPONSES: &[(&str, &str)] = &[
    ("account/gatewayOAuth/cancel", "GatewayOAuthCancelResponse"),
    ("account/logout", "LogoutAccountResponse"),
    ("account/securitySetup/read", "GetAccountSecuritySetupResponse"),
    ("account/workspaceMessages/read", "GetWorkspaceMessagesResponse"),
    ("accountSession/list", "AccountSessionsResponse"),
    ("config/batchWrite", "ConfigWriteResponse"),
    ("config/mcpServer/reload", "McpServerRefreshResponse"),
    ("config/value/write", "ConfigWriteResponse"),
    ("externalAgentConfig/import/readHistories", "ExternalAgentConfigImportHistoriesReadResponse"),
];

/// The same for methods of other runtimes, such as those whose params were still null in older ones.
/// The pinned schema does without, so these count for nothing there: neither as used nor as stale.
pub(super) const OTHER_RESPONSES: &[(&str, &str)] = &[
    ("account/gatewayOAuth/login", "GatewayOAuthLoginResponse"),
    ("account/gatewayOAuth/read", "GatewayOAuthReadResponse"),
    ("account/rateLimits/read", "GetAccountRateLimitsResponse"),
    ("account/usage/read", "GetAccountTokenUsageResponse"),
    // Since 0.171.0: what the runtime answers.
    ("modelProvider/default/set", "ConfigWriteResponse"),
];

/// Properties for which absent, null and a value are three different requests.
pub(super) const THREE_STATE: &[(&str, &str)] = &[
    ("BedrockProviderSettingsPatch", "profile"),
    ("BedrockProviderSettingsPatch", "region"),
    ("CustomGatewayProviderSettingsPatch", "baseUrl"),
    ("CustomGatewayProviderSettingsPatch", "envKey"),
    ("GcpProviderSettingsPatch", "credentialFile"),
    ("GcpProviderSettingsPatch", "location"),
    ("GcpProviderSettingsPatch", "projectId"),
    ("ProcessSpawnParams", "outputBytesCap"),
    ("ProcessSpawnParams", "timeoutMs"),
    ("ThreadForkParams", "serviceTier"),
    ("ThreadListParams", "projectId"),
    ("ThreadListParams", "sectionId"),
    ("ThreadMetadataGitInfoUpdateParams", "branch"),
    ("ThreadMetadataGitInfoUpdateParams", "originUrl"),
    ("ThreadMetadataGitInfoUpdateParams", "sha"),
    ("ThreadResumeParams", "serviceTier"),
    ("ThreadSectionUpdateParams", "appearance"),
    ("ThreadSettingsUpdateParams", "serviceTier"),
    ("ThreadStartParams", "serviceTier"),
    ("TurnSettingsUpdateParams", "serviceTier"),
    ("TurnStartParams", "serviceTier"),
];

/// Properties that look like it, and are not: null means what absence means.
pub(super) const NULL_IS_ABSENCE: &[(&str, &str)] = &[
    ("ChatgptAuthTokensLoginAccountParams", "chatgptPlanType"),
    // Null is for a variable inside, not for all of them.
    ("CommandExecParams", "env"),
    // These have flags of their own for "without a limit".
    ("CommandExecParams", "outputBytesCap"),
    ("CommandExecParams", "timeoutMs"),
    ("CustomGatewayProviderSettingsPatch", "providerId"),
    ("ExternalAgentConfigMigrationItem", "cwd"),
    ("GcpSetupParams", "credentialFile"),
    ("GcpSetupParams", "location"),
    ("ProcessSpawnParams", "env"),
    ("ThreadAttachmentOwnerListParams", "archived"),
    ("ThreadListParams", "archived"),
    ("ThreadListParams", "excludedThreadIds"),
    ("ThreadMetadataUpdateParams", "daybreakEnabled"),
    // Null is for a field of the patch, not for the patch.
    ("ThreadMetadataUpdateParams", "gitInfo"),
    // The empty string clears it.
    ("ThreadMetadataUpdateParams", "projectId"),
    ("ThreadRealtimeStartParams", "includeStartupContext"),
    ("ThreadSearchParams", "archived"),
    ("ThreadSectionCreateParams", "appearance"),
    ("ThreadSectionMoveParams", "beforeThreadId"),
    // Null is for the instructions inside of the mode.
    ("ThreadSettingsUpdateParams", "collaborationMode"),
    ("ThreadSettingsUpdateParams", "disabledPluginIds"),
    ("ThreadSettingsUpdateParams", "environments"),
    ("ThreadShellCommandParams", "timeoutMs"),
    ("ThreadStartParams", "daybreakEnabled"),
    ("ThreadStartParams", "projectId"),
    ("TurnSettingsUpdateParams", "effort"),
    ("TurnSettingsUpdateParams", "environments"),
    ("TurnSettingsUpdateParams", "model"),
    ("TurnSettingsUpdateParams", "summary"),
    ("TurnStartParams", "collaborationMode"),
    ("TurnStartParams", "disabledPluginIds"),
    ("TurnStartParams", "serviceTierForTurn"),
];

/// Fields that `Debug` must not print.
pub(super) const SECRETS: &[(&str, &str)] = &[
    ("AmazonBedrockAccessKeysLoginAccountParams", "accessKeyId"),
    ("AmazonBedrockAccessKeysLoginAccountParams", "secretAccessKey"),
    ("AmazonBedrockAccessKeysLoginAccountParams", "sessionToken"),
    ("AmazonBedrockLoginAccountParams", "apiKey"),
    ("ApiKeyLoginAccountParams", "apiKey"),
    ("AttestationGenerateResponse", "token"),
    // Values and layers of the configuration hold the variables and headers of MCP servers.
    ("Config", "desktop"),
    ("ConfigEdit", "value"),
    ("ConfigLayer", "config"),
    ("ConfigValueWriteParams", "value"),
    // Whoever opens the address or enters the code of a login or a pairing completes it.
    ("AccountSessionsSwitchResponse", "authUrl"),
    ("ChatgptDeviceCodeLoginAccountResponse", "userCode"),
    ("ChatgptLoginAccountResponse", "authUrl"),
    ("GatewayOAuthChangedNotification", "authUrl"),
    ("GatewayOAuthPrompt", "userCode"),
    ("McpServerOauthLoginResponse", "authorizationUrl"),
    ("RemoteControlPairingStartResponse", "manualPairingCode"),
    ("RemoteControlPairingStartResponse", "pairingCode"),
    ("RemoteControlPairingStatusParams", "manualPairingCode"),
    ("RemoteControlPairingStatusParams", "pairingCode"),
    ("ChatgptAuthTokensLoginAccountParams", "accessToken"),
    ("ChatgptAuthTokensRefreshResponse", "accessToken"),
    ("CommandExecParams", "env"),
    ("EnvironmentAddParams", "authBearerToken"),
    // An address may hold a password.
    ("EnvironmentAddParams", "execServerUrl"),
    ("ExecLocalShellAction", "env"),
    // The schema does not say whether it is the key or its path.
    ("OtelTlsConfig", "client-private-key"),
    ("OtlpGrpcOtelExporter", "headers"),
    ("OtlpHttpOtelExporter", "headers"),
    ("OverriddenMetadata", "effectiveValue"),
    ("ProcessSpawnParams", "env"),
    ("RequestHeader", "value"),
];

/// Cases that are in the stable bundle, and that the runtime refuses without the experimental API.
pub(super) const EXPERIMENTAL: &[(&str, &str)] = &[
    ("AskForApproval", "granular"),
    ("LoginAccountParams", "amazonBedrock"),
    ("LoginAccountParams", "amazonBedrockAccessKeys"),
    ("LoginAccountParams", "chatgptAuthTokens"),
];

/// Strings that a union gives out whatever the case, if that has them.
pub(super) const ACCESSORS: &[(&str, &str)] = &[
    ("CommandAction", "command"),
    ("DynamicToolSpec", "description"),
    ("DynamicToolSpec", "name"),
    ("FunctionCallOutputContentItem", "audio_url"),
    ("FunctionCallOutputContentItem", "file_id"),
    ("FunctionCallOutputContentItem", "image_url"),
    ("HookMetadata", "key"),
    ("McpServerElicitationRequestParams", "message"),
    ("McpServerElicitationRequestParams", "serverName"),
    ("McpServerElicitationRequestParams", "threadId"),
    ("ParsedCommand", "cmd"),
    ("ThreadItem", "id"),
    ("ThreadRealtimeItem", "id"),
    ("ThreadRealtimeItem", "realtimeSessionId"),
    ("UserInput", "fileId"),
    ("UserInput", "url"),
];

/// Properties from which a type can be made, whether or not it has others to choose from: the runtime
/// keeps adding to these choices, and `from_url` stays what it was.
pub(super) const CONSTRUCTORS: &[(&str, &str)] =
    &[("AudioUserInput", "url"), ("ImageUserInput", "url")];

/// Strings with a meaning of their own and no list of values.
pub(super) const OPEN_STRINGS: &[&str] = &["ReasoningEffort"];

/// Values whose variants would otherwise share one name.
pub(super) const VARIANT_NAMES: &[(&str, &str, &str)] =
    &[("McpServerElicitationRequestParams", "openai/form", "NamespacedOpenaiForm")];

/// Definitions that no method refers to although messages carry them: the settings of an app, the
/// `data` of errors, the `trace` of requests, and two notifications that the schema leaves out.
pub(super) const EXTRA_ROOTS: &[&str] = &[
    "AppConfig",
    "ModelProviderError",
    "RawResponseCompletedNotification",
    "RawResponseItemCompletedNotification",
    "UserVerificationRpcError",
    "W3cTraceContext",
];

/// Headings of the original source that ended up in the description of the first item below them.
pub(super) const HEADINGS: &[&str] = &["DEPRECATED APIs below", "NEW APIs", "NEW NOTIFICATIONS"];

/// Descriptions that are about the runtime's own code, and types that nothing describes.
pub(super) const DESCRIPTIONS: &[Description] = &[
    Description {
        definition: "AbsolutePathBuf",
        instead_of: "IMPORTANT: When deserializing",
        text: "An absolute path on the machine of the runtime.",
    },
    Description {
        definition: "AppConfig",
        instead_of: "",
        text: "The settings of one app: what `AppsConfig` holds under its id. The schema does not say \
               so, and they are among the unrecognized properties there.",
    },
    Description {
        definition: "AskForApproval",
        instead_of: "",
        text: "When the agent asks its client before it runs a command or changes a file.",
    },
    Description {
        definition: "CodexErrorInfo",
        instead_of: "This translation layer",
        text: "The cause of a failed turn, or of an error that is being retried, for programs.\n\nIf \
               the model's server answered with an HTTP status, the case has it.",
    },
    Description {
        definition: "FuzzyFileSearchResult",
        instead_of: "codex_file_search",
        text: "A file that matches, and how well.",
    },
    Description {
        definition: "RawResponseItemCompletedNotification",
        instead_of: "",
        text: "Params of the notification `rawResponseItem/completed`, which the schema leaves \
               out: an item of the model's response as the model sent it.",
    },
    Description {
        definition: "SandboxPolicy",
        instead_of: "",
        text: "What commands of the agent may read, write and reach on the network.",
    },
    Description {
        definition: "Thread",
        instead_of: "",
        text: "A conversation with the agent, as it is stored.",
    },
    Description {
        definition: "Turn",
        instead_of: "",
        text: "One exchange in a thread: what the user said, and all that the agent did about it.",
    },
    Description {
        definition: "UserInput",
        instead_of: "",
        text: "A part of what the user says in a turn.",
    },
    Description {
        definition: "W3cTraceContext",
        instead_of: "",
        text: "A W3C trace context: the `trace` of a request, beside its method and params.",
    },
];
