//! Threads, turns, items and models are found in lists, page by page or all at once.

use std::path::Path;

use codexkit::protocol::{
    PagedRequest, SortDirection, ThreadListParams, ThreadSectionCreateParams,
    ThreadSectionListParams, ThreadSectionMoveParams, ThreadSortKey, ThreadSourceKind,
    TurnItemsView,
};
use codexkit::{Codex, List, Thread};

use crate::notices::close_without_notices;
use crate::support::{Place, run};

/// Everything in a list, through all pages.
pub(crate) async fn all<R: PagedRequest>(list: List<R>) -> Vec<R::Item> {
    let mut items = list.all();
    let mut all = Vec::new();
    while let Some(item) = items.next().await {
        all.push(item.unwrap());
    }
    all
}

/// This many threads with one turn each, whose message is `number 0` and so on, in directories of
/// which there are two.
async fn threads(place: &Place, count: usize) -> (Codex, Vec<Thread>) {
    place.model.always("ok");
    let codex = place.start().await;
    let mut threads = Vec::new();
    for number in 0..count {
        let directory = place.home.path().join(if number % 2 == 0 { "even" } else { "odd" });
        let thread = codex.thread_start().cwd(directory).await.unwrap();
        thread.run(format!("number {number}")).await.unwrap();
        threads.push(thread);
    }
    (codex, threads)
}

/// The numbers of the threads in a list.
async fn numbers(list: List<ThreadListParams>) -> Vec<usize> {
    let number = |preview: &str| preview.strip_prefix("number ").unwrap().parse().unwrap();
    all(list).await.iter().map(|it| number(&it.preview)).collect()
}

#[tokio::test]
async fn threads_are_listed_in_pages_and_the_stream_goes_through_all_of_them() {
    run(async |place| {
        let (codex, _threads) = threads(place, 5).await;
        let mut cursor = None;
        let mut pages = Vec::new();
        loop {
            let list = codex.thread_list().limit(2);
            let page = cursor.map_or(list.clone(), |it: String| list.cursor(it)).await.unwrap();
            pages.push(page.data.len());
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(pages, [2, 2, 1]);
        let newest_first = [4, 3, 2, 1, 0];
        assert_eq!(numbers(codex.thread_list().limit(2)).await, newest_first);
        assert_eq!(numbers(codex.thread_list()).await, newest_first);
        let oldest_first = codex.thread_list().limit(2).sort_direction(SortDirection::Asc);
        assert_eq!(numbers(oldest_first).await, [0, 1, 2, 3, 4]);
        let loaded = all(codex.thread_loaded_list().limit(2)).await;
        assert_eq!(loaded.len(), 5);
        let error = codex.thread_list().cursor("nonsense").await.unwrap_err();
        assert_eq!(error.code(), Some(-32600));
        assert!(error.to_string().contains("invalid cursor: nonsense"), "{error}");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn each_filter_leaves_the_threads_that_it_is_about() {
    run(async |place| {
        let (codex, threads) = threads(place, 4).await;
        let list = || codex.thread_list();
        let [even, odd] = ["even", "odd"].map(|it| place.home.path().join(it));
        assert_eq!(numbers(list().cwd(&even)).await, [2, 0]);
        assert_eq!(numbers(list().cwd(&even).cwd(&odd)).await, [3, 2, 1, 0]);
        assert_eq!(numbers(list().cwd(Path::new("/nowhere"))).await, [0; 0]);
        assert_eq!(numbers(list().search_term("number 2")).await, [2]);
        assert_eq!(numbers(list().search_term("Number 2")).await, [0; 0]);
        threads[1].set_name("Zebra").await.unwrap();
        assert_eq!(numbers(list().search_term("Zebra")).await, [1]);
        assert_eq!(numbers(list().model_providers(["mock"])).await, [3, 2, 1, 0]);
        assert_eq!(numbers(list().model_providers(["openai"])).await, [0; 0]);
        assert_eq!(numbers(list().model_providers([""; 0])).await, [3, 2, 1, 0]);
        assert_eq!(numbers(list().source_kinds([ThreadSourceKind::Vscode])).await, [3, 2, 1, 0]);
        assert_eq!(numbers(list().source_kinds([ThreadSourceKind::Exec])).await, [0; 0]);
        assert_eq!(numbers(list().use_state_db_only(true)).await, [3, 2, 1, 0]);
        let both = list().params(|params| params.excluded_thread_ids([threads[3].id().to_owned()]));
        assert_eq!(numbers(both).await, [2, 1, 0]);
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn threads_are_sorted_by_what_the_caller_names() {
    run(async |place| {
        let (codex, threads) = threads(place, 3).await;
        // The times are in seconds.
        let created = threads[2].read().await.unwrap().created_at;
        while threads[0].read().await.unwrap().updated_at <= created {
            threads[0].run("again").await.unwrap();
        }
        let by = |key: ThreadSortKey| codex.thread_list().sort_key(key);
        assert_eq!(numbers(by(ThreadSortKey::CreatedAt)).await, [2, 1, 0]);
        assert_eq!(numbers(by(ThreadSortKey::UpdatedAt)).await[0], 0);
        assert_eq!(numbers(by(ThreadSortKey::RecencyAt)).await[0], 0);
    })
    .await;
}

#[tokio::test]
async fn threads_in_a_section_in_none_and_in_any_are_three_lists() {
    run(async |place| {
        let (codex, threads) = threads(place, 3).await;
        let section = codex.request(ThreadSectionCreateParams::new("Birds")).await.unwrap().section;
        let into = ThreadSectionMoveParams::new(threads[1].id(), Some(section.id.clone()));
        codex.request(into).await.unwrap();
        assert_eq!(numbers(codex.thread_list().section(&section.id)).await, [1]);
        assert_eq!(numbers(codex.thread_list().unsectioned()).await, [2, 0]);
        assert_eq!(numbers(codex.thread_list()).await, [2, 1, 0]);
        // Any other list of the protocol works the same way.
        let sections = all(codex.list(ThreadSectionListParams::default())).await;
        assert!(sections.contains(&section), "{sections:?}");
    })
    .await;
}

#[tokio::test]
async fn the_history_is_listed_in_both_directions() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let mut ids = Vec::new();
        for number in 0..5 {
            ids.push(thread.run(format!("number {number}")).await.unwrap().id);
        }
        let turns = async |list| -> Vec<String> {
            all(list).await.into_iter().map(|turn: codexkit::protocol::Turn| turn.id).collect()
        };
        let oldest_first = thread.turns().limit(2).sort_direction(SortDirection::Asc);
        assert_eq!(turns(oldest_first).await, ids);
        let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
        assert_eq!(turns(thread.turns().limit(2)).await, newest_first);
        // From a page it goes on in the other direction, with what that page began with.
        let second = thread.turns().limit(2).await.unwrap().next_cursor.unwrap();
        let second = thread.turns().limit(2).cursor(second).await.unwrap();
        let back = thread.turns().cursor(second.backwards_cursor.unwrap());
        assert_eq!(turns(back.sort_direction(SortDirection::Asc)).await, ids[2..]);

        for (view, count) in
            [(TurnItemsView::NotLoaded, 0), (TurnItemsView::Summary, 2), (TurnItemsView::Full, 2)]
        {
            let turns = all(thread.turns().items_view(view)).await;
            assert!(turns.iter().all(|turn| turn.items.len() == count));
        }

        let forwards = all(thread.items().limit(3)).await;
        assert_eq!(forwards.len(), 10);
        let mut backwards = all(thread.items().limit(3).sort_direction(SortDirection::Desc)).await;
        backwards.reverse();
        assert_eq!(backwards, forwards);
        let of_one = all(thread.items().turn(&ids[3]).limit(1)).await;
        assert_eq!(of_one, forwards[6..8]);
        assert!(all(thread.items().turn("nothing")).await.is_empty());
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn models_are_listed_with_the_hidden_ones_on_demand() {
    run(async |place| {
        let codex = place.start().await;
        let models = all(codex.models().limit(2)).await;
        assert!(models.iter().any(|it| it.id == "gpt-5.5"));
        assert_eq!(models.iter().filter(|it| it.is_default).count(), 1);
        assert_eq!(codex.models().await.unwrap().data, models);
        let hidden = all(codex.models().include_hidden(true)).await;
        assert!(hidden.len() > models.len());
        assert!(hidden.iter().any(|it| it.hidden) && !models.iter().any(|it| it.hidden));
        let of_provider = all(codex.models().model_provider("mock")).await;
        assert_eq!(of_provider, models);
    })
    .await;
}
